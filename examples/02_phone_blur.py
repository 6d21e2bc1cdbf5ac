"""Blur the background with the depth that a phone stored in the photo.

python examples/02_phone_blur.py [PHOTO]

Without stored depth, for example with the sample photo, the depth is estimated.
"""

import sys

import depthmatte as dm

if len(sys.argv) > 1:
    photo = dm.read(sys.argv[1])
else:
    from skimage.data import astronaut

    photo = dm.Photo(astronaut())

portrait = dm.cut(photo)
print(f"depth comes from: {portrait.measured.source}")  # "stored" is the phone's

for name, strength in (("soft", 0.3), ("strong", 0.9)):
    dm.write(portrait.blur(strength=strength), f"blur-{name}.jpg", portrait.photo.meta)
