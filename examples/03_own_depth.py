"""Use a depth map of your own, measured by a camera beside the lens.

python examples/03_own_depth.py [PHOTO DEPTH CALIB]

Without arguments, a depth camera 2 cm to the right of the sample photo's lens is simulated.
"""

import sys

import numpy as np

import depthmatte as dm

if len(sys.argv) > 3:
    photo, depth, calib = sys.argv[1:4]  # such as photo.png depth.png rig.json
else:
    from skimage.data import astronaut

    photo = astronaut()
    estimate = dm.cut(photo, depth_source="mono").depth  # 0 near to 1 far
    depth = (0.8 * 5 ** estimate[::2, ::2]).astype(np.float32)  # meters, half the size
    calib = dm.Rig(
        photo=dm.Camera((512, 512), fx=600, fy=600, cx=255.5, cy=255.5),
        other=dm.Camera(
            (256, 256), fx=300, fy=300, cx=127.5, cy=127.5, translation=np.array([-0.02, 0, 0])
        ),
    )

portrait = dm.cut(photo, depth=depth, calib=calib, sensor=dm.SensorOptions(far=10.0))
meters = portrait.meters[portrait.mask & (portrait.validity == 0)]
print(f"depth from: {portrait.measured.source}, person at {np.median(meters):.2f} m")

portrait.save("cutout.png")
dm.write(np.rint(portrait.meters * 1000).astype(np.uint16), "depth_mm.png")  # 16-bit mm
