"""Depth and second views of a live picture: the nearest in time, or none."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

av = pytest.importorskip("av", reason="needs the extra video")
pytest.importorskip("skimage", reason="needs the extra demo")

from skimage.data import astronaut  # noqa: E402

from depthmatte.canvas import resize  # noqa: E402
from depthmatte.cli.app import app  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.photo import Meta, Photo  # noqa: E402
from depthmatte.video.live_evidence import LiveEvidence, NearestFrames  # noqa: E402
from depthmatte.video.live_frame import (  # noqa: E402
    LiveClock,
    LiveFrame,
    TimedDepth,
    TimedPicture,
)
from depthmatte.video.live_source import open_live_depth  # noqa: E402
from depthmatte.video.video_options import LiveOptions  # noqa: E402
from video_clips import write_clip  # noqa: E402

SIZE, FRAMES, RATE = 96, 6, 10


def run(*words: Any) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def write_depth(path: Path, late: float = 0.0, millimeters: int = 1000) -> Path:
    """A video of 16-bit gray: near in the middle, four meters around it."""
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("ffv1", rate=RATE)
        stream.width = stream.height = SIZE
        stream.pix_fmt = "gray16le"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for index in range(FRAMES):
            values = np.full((SIZE, SIZE), 4 * millimeters, np.uint16)
            values[10:, 20:76] = millimeters + index
            frame = av.VideoFrame.from_ndarray(values, format="gray16le")
            frame.pts, frame.time_base = round(1000 * (late + index / RATE)), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = np.asarray(resize(astronaut(), (SIZE, SIZE)), np.uint8)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, [small] * FRAMES, rate=RATE)


def live(clip: Path, tmp_path: Path, *words: Any) -> Any:
    out = tmp_path / "out.mkv"
    more = ["--size", "96x96", "--rate", RATE, "--background", "white", "--json", "-q"]
    status, printed, said = run("live", "--source", clip, "--sink", out, *more, *words)
    return status, json.loads(printed) if printed else None, said


def test_depth_of_the_same_moment_is_used(clip: Path, tmp_path: Path) -> None:
    depth = write_depth(tmp_path / "depth.mkv")
    # A loaded machine may be late: the recorded times count, and how long is waited is given.
    words = ["--depth", depth, "--max-time-difference", 0.09]
    status, row, said = live(clip, tmp_path, *words)
    assert status == 0, said
    assert row["with_evidence"] >= 1
    assert row["with_evidence"] + row["refused_evidence"] == row["frames"]
    assert "depth" not in row["provider"]  # no network has estimated what a sensor measured


def test_depth_of_another_moment_is_left_out(clip: Path, tmp_path: Path) -> None:
    depth = write_depth(tmp_path / "depth.mkv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LiveClock, "play_time", _play_one_half_a_frame_late(LiveClock.play_time))
        status, row, said = live(clip, tmp_path, "--depth", depth, "--max-time-difference", 0.01)
    assert status == 0, said
    assert row["with_evidence"] == 0
    assert row["refused_evidence"] == row["frames"] >= 1


def _play_one_half_a_frame_late(play_time: Any) -> Any:
    """The clock of one of the two threads is behind."""

    def shifted(self: LiveClock, seconds: float) -> float:
        late = threading.current_thread().name == "depthmatte-second"
        return float(play_time(self, seconds)) + (0.5 / RATE if late else 0.0)

    return shifted


def test_a_second_view_is_matched(clip: Path, tmp_path: Path) -> None:
    words = ["--right", clip, "--max-time-difference", 0.09, "--fusion", "adaptive"]
    status, row, said = live(clip, tmp_path, *words)
    assert status == 0, said
    assert row["with_evidence"] >= 1
    assert "stereo" in row["provider"]


def test_what_is_stored_is_what_is_read(tmp_path: Path) -> None:
    source = open_live_depth(str(write_depth(tmp_path / "depth.mkv")), LiveClock())
    frames = list(source.frames)
    assert [int(one.picture.min()) for one in frames] == [1000 + index for index in range(FRAMES)]
    assert all(one.picture.dtype == np.uint16 for one in frames)
    apart = np.diff([one.time for one in frames])
    assert np.allclose(apart, 1 / RATE, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--depth", "CLIP"], "16-bit gray"),
        (["--depth", "missing.mkv"], "there is no such file"),
        (["--right", "/dev/no-camera"], "there is no such camera"),
        (["--depth", "CLIP", "--right", "CLIP"], "exclude each other"),
        (["--calib", "rig.json"], "goes with --depth or --right"),
        (["--depth-scale", "1000"], "goes with --depth"),
        (["--right", "CLIP", "--calib", "missing.json"], "missing.json"),
    ],
)
def test_what_cannot_be_joined_is_said_in_one_line(
    words: list[str], said: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [word.replace("CLIP", str(clip)) for word in words]
    status, _, printed = live(clip, tmp_path, *given)
    assert status in (1, 2)
    assert said in printed
    assert printed.count("\n") == 1
    assert not (tmp_path / "out.mkv").exists()


def pictures(times: list[float]) -> Iterator[TimedPicture]:
    for index, moment in enumerate(times):
        yield TimedPicture(np.full((2, 2), index, np.uint16), moment)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=8, unique=True),
    st.floats(0, 1),
    st.floats(0, 0.05),
)
def test_the_nearest_frame_is_found(times: list[float], moment: float, within: float) -> None:
    times.sort()
    kept = NearestFrames(pictures(times))
    kept.start()
    kept._thread.join(10)  # all have come
    found = kept.find(moment, within)
    nearest = min(times, key=lambda one: abs(one - moment))
    if abs(nearest - moment) <= within:
        assert found is not None
        assert abs(found.time - moment) == abs(nearest - moment)
    else:
        assert found is None
    kept.stop()


def test_a_frame_that_is_still_to_come_is_waited_for() -> None:
    go = threading.Event()

    def frames() -> Iterator[TimedPicture]:
        yield TimedPicture(np.zeros((2, 2)), 0.0)
        go.wait(10)
        yield TimedPicture(np.ones((2, 2)), 1.0)

    kept = NearestFrames(frames())
    kept.start()
    threading.Timer(0.05, go.set).start()
    found = kept.find(0.9, 5)
    assert found is not None
    assert found.time == 1.0
    kept.stop()


def test_a_second_camera_that_breaks_is_said() -> None:
    def frames() -> Iterator[TimedPicture]:
        raise InputError("depth.mkv: is damaged after 0.00 s; use an undamaged copy")
        yield

    evidence = LiveEvidence(LiveOptions("a.mp4", "b.mkv"), LiveClock())
    evidence._frames = NearestFrames(frames())
    evidence.start()
    frame = LiveFrame(np.zeros((4, 4, 3), np.uint8), 0.0, 0.0)
    with pytest.raises(InputError, match="damaged"):
        evidence.attach_to(Photo(frame.rgb, Meta("a")), frame)
    evidence.stop()


@pytest.mark.parametrize(("apart", "used"), [(0.005, True), (0.5, False)])
def test_depth_that_came_with_the_picture_has_its_own_time(apart: float, used: bool) -> None:
    rgb, meters = np.zeros((4, 6, 3), np.uint8), np.full((4, 6), 1.5, np.float32)
    evidence = LiveEvidence(LiveOptions("realsense", "b.mkv"), LiveClock())
    frame = LiveFrame(rgb, 1.0, 1.0, TimedDepth(meters, 1.0 + apart))
    photo = evidence.attach_to(Photo(rgb, Meta("a")), frame)
    found = photo.evidence.depth_map
    assert (found is not None) == used
    assert (evidence.joined, evidence.refused) == (used, not used)
    if found is not None:
        assert np.array_equal(found.z, meters)


def test_a_recording_of_a_realsense_camera_is_played(tmp_path: Path) -> None:
    rs = pytest.importorskip("pyrealsense2", reason="needs librealsense", exc_type=ImportError)
    from depthmatte.video.realsense_camera import open_realsense
    from realsense_recording import write_recording

    path = write_recording(rs, tmp_path / "camera.db3", frames=5)
    frames, shape, kind = open_realsense(f"realsense:{path}", 30)
    found = list(frames)
    assert kind == "file"
    assert shape == (120, 160)
    assert found
    for one in found:
        assert one.picture.shape == (120, 160, 3)
        assert one.depth is not None
        assert one.depth.time - one.time == pytest.approx(-0.005, abs=1e-4)
        assert one.depth.meters[60, 80] == pytest.approx(1 + one.picture[60, 80, 0] / 1000)


def test_a_missing_realsense_library_or_file_is_said(tmp_path: Path) -> None:
    status, _, said = run("live", "--source", "realsense:no.db3", "--sink", tmp_path / "a.mkv")
    assert status == 1
    assert "no such file" in said or "depthmatte[realsense]" in said
    assert said.count("\n") == 1


def test_time_never_stands_still() -> None:
    """The first frame of two files is due at once, whichever comes first."""
    clock = LiveClock()
    before = time.perf_counter()
    assert clock.play_time(2.0) >= before
    assert clock.play_time(2.5) - clock.play_time(2.0) == pytest.approx(0.5)
