"""librealsense's own alignment, fed through its software device."""

from typing import Any

import numpy as np
import pyrealsense2 as rs
from numpy.typing import NDArray

from depthmatte.camera import Camera, relative_pose


def _intrinsics(camera: Camera) -> Any:
    found = rs.intrinsics()
    found.height, found.width = camera.shape
    found.ppx, found.ppy, found.fx, found.fy = camera.cx, camera.cy, camera.fx, camera.fy
    bent = any(camera.distortion)
    found.model = rs.distortion.brown_conrady if bent else rs.distortion.none
    found.coeffs = list((*camera.distortion, *[0.0] * 5)[:5])
    return found


def _stream(kind: Any, form: Any, size: int, camera: Camera) -> Any:
    stream = rs.video_stream()
    stream.type, stream.fmt, stream.bpp, stream.fps = kind, form, size, 30
    stream.index, stream.uid = 0, size
    stream.height, stream.width = camera.shape
    stream.intrinsics = _intrinsics(camera)
    return stream


def _frame(pixels: NDArray[Any], size: int, number: int, profile: Any) -> Any:
    frame = rs.software_video_frame()
    frame.pixels, frame.bpp, frame.stride = pixels, size, pixels.shape[1] * size
    frame.frame_number, frame.timestamp = number, number * 33.0
    frame.domain = rs.timestamp_domain.hardware_clock
    frame.profile = profile.as_video_stream_profile()
    return frame


def aligned(mm: NDArray[np.uint16], source: Camera, target: Camera) -> NDArray[np.float32]:
    """Depth in mm on the grid of `source` -> meters of the source's z on that of `target`."""
    device = rs.software_device()
    depth, color = device.add_sensor("Depth"), device.add_sensor("Color")
    far = depth.add_video_stream(_stream(rs.stream.depth, rs.format.z16, 2, source))
    near = color.add_video_stream(_stream(rs.stream.color, rs.format.rgb8, 3, target))
    depth.add_read_only_option(rs.option.depth_units, 0.001)
    way = rs.extrinsics()
    turn, shift = relative_pose(source, target)
    way.rotation, way.translation = turn.T.ravel().tolist(), shift.tolist()  # columns first
    far.register_extrinsics_to(near, way)
    device.create_matcher(rs.matchers.dlr_c)
    queue = rs.syncer()
    for sensor, profile in ((depth, far), (color, near)):
        sensor.open(profile)
        sensor.start(queue)
    rgb = np.zeros((*target.shape, 3), np.uint8)
    for number in range(1, 10):
        frame = _frame(np.ascontiguousarray(mm), 2, number, far)
        frame.depth_units = 0.001
        depth.on_video_frame(frame)
        color.on_video_frame(_frame(rgb, 3, number, near))
        frames = queue.wait_for_frames(5000)
        if frames.get_depth_frame() and frames.get_color_frame():
            break
    found = rs.align(rs.stream.color).process(frames).get_depth_frame().get_data()
    meters = np.array(found, np.float32) / 1000
    for sensor in (depth, color):
        sensor.stop()
        sensor.close()
    return meters
