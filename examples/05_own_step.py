"""Replace the segmentation network with your own function: a green-screen key.

python examples/05_own_step.py [PHOTO]  # a photo in front of a green screen
"""

import sys
from dataclasses import replace

import numpy as np

import depthmatte as dm


def key(canvas) -> dm.Matte:
    """Canvas -> Matte: a pixel is background if green exceeds red and blue."""
    red, green, blue = canvas.rgb[0]  # float32 (h, w) in [0, 1], sRGB
    excess = green - np.maximum(red, blue)
    alpha = np.clip(1 - (excess - 0.1) / 0.2, 0, 1).astype(np.float32)
    return dm.Matte(alpha=alpha, prob=alpha)


if len(sys.argv) > 1:
    photo = dm.read(sys.argv[1])
else:
    from skimage.data import astronaut

    photo = dm.Photo(dm.cut(astronaut()).place("#00b140"))  # a green screen

with dm.Session() as session:
    options = dm.CutOptions(fusion="none", depth_source="none", second_look=False)
    pipeline = replace(session.pipeline(options), segment=key)
    portrait = pipeline(photo)

portrait.save("keyed.png")
print(f"{portrait.mask.mean():.0%} of the photo is foreground")
