"""A small depth file never costs much memory, whatever it claims to hold.

Peaks are measured in a process of its own. The files are of 100 million pixels, as pixels of
one value that any compression makes small; the bound is for 250 million.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fixtures import _chunk

resource = pytest.importorskip("resource", reason="this platform cannot measure its memory")

SIDE = 10_000
PIXELS = SIDE * SIDE

READ = """
import resource, sys
from depthmatte.io.depthmaps import depth_reader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
raw = depth_reader.read_depth_file(sys.argv[1], *map(float, sys.argv[2:]))
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, *raw.shape, raw.z.max())
"""


def peak(path: Path) -> tuple[float, str]:
    """Bytes a pixel that reading takes at its peak, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    before, after, *rest = done.stdout.split()
    return (int(after) - int(before)) * 1024 / PIXELS, " ".join(rest)


def npz(path: Path, kind: str) -> None:
    """An array of 1.5, written in bands."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("depth.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (SIDE, SIDE)}
        np.lib.format.write_array_header_1_0(file, header)
        band = np.full((SIDE // 10, SIDE), 1.5, kind).tobytes()
        for _ in range(10):
            file.write(band)


def png(path: Path) -> None:
    """16 bits of 1500."""
    row = b"\0" + b"\x05\xdc" * SIDE
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row * 100) for _ in range(SIDE // 100)) + packer.flush()
    head = SIDE.to_bytes(4, "big") * 2 + b"\x10\0\0\0\0"
    chunks = _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def tiff(path: Path) -> None:
    Image.fromarray(np.full((SIDE, SIDE), 1.5, np.float32)).save(path, compression="tiff_deflate")


@pytest.mark.parametrize("name", ["a.npz", "b.npz", "a.png", "a.tif"])
def test_a_small_file_of_many_pixels(tmp_path: Path, name: str) -> None:
    """(2 GB - the program) / 250 million pixels are 7 bytes a pixel."""
    path = tmp_path / name
    if name == "a.png":
        png(path)
    elif name == "a.tif":
        tiff(path)
    else:
        npz(path, "f8" if name == "a.npz" else "f4")
    assert path.stat().st_size < 5_000_000
    bytes_a_pixel, rest = peak(path)
    assert rest.startswith("4096 4096 1.5")
    # What is kept, 16 million pixels, costs the same whatever the file claims.
    kept = 2**24 * 20 / PIXELS
    assert bytes_a_pixel < 5 + kept


@pytest.mark.skipif(importlib.util.find_spec("OpenEXR") is None, reason="needs the extra exr")
def test_an_exr_of_many_pixels_is_refused(tmp_path: Path) -> None:
    import OpenEXR

    from depthmatte.errors import InputError
    from depthmatte.io.depthmaps import depth_reader

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    side = 9_000
    OpenEXR.File(header, {"Z": np.full((side, side), 1.5, np.float32)}).write(
        str(tmp_path / "a.exr")
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="too many for EXR"):
        depth_reader.read_depth_file(tmp_path / "a.exr")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
