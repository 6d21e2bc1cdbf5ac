"""Cut a person out of a photo.

python examples/01_cutout.py [PHOTO]     # the sample photo needs scikit-image
"""

import sys

import depthmatte as dm

if len(sys.argv) > 1:
    photo = sys.argv[1]
else:
    from skimage.data import astronaut

    photo = astronaut()

portrait = dm.cut(photo)
portrait.save("cutout.png")
print(f"person found: {portrait.found}, covers {portrait.mask.mean():.0%} of the photo")
