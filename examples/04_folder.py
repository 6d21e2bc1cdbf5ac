"""Cut all photos of a folder with networks that are loaded once.

python examples/04_folder.py [FOLDER]

Without an argument, a folder with three variants of the sample photo is made.
"""

import sys
from pathlib import Path

import depthmatte as dm

if len(sys.argv) > 1:
    folder = Path(sys.argv[1])
else:
    from skimage.data import astronaut

    folder = Path("photos")
    rgb = astronaut()
    for name, variant in (("plain", rgb), ("mirrored", rgb[:, ::-1]), ("small", rgb[::2, ::2])):
        dm.write(variant.copy(), folder / f"{name}.jpg")

out = Path("cutouts")
out.mkdir(exist_ok=True)


def save(portrait: dm.Portrait) -> Path | None:
    """Write one cut-out; runs on a worker thread while the next photo is cut."""
    if not portrait.found:
        return None
    return portrait.save(out / f"{Path(portrait.photo.meta.name).stem}.png")


photos = sorted(folder.glob("*.jpg"))
with dm.Session() as session:
    for photo, path in zip(photos, session.map(photos, then=save, subject="largest"), strict=True):
        print(photo, "->", path or "nobody found")
