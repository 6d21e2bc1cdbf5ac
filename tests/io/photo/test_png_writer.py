"""io.photo.png_writer: other readers get the same pixels; chunks and checksums are right."""

import io
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

import fixtures
from depthmatte.io.photo import png_writer

KINDS = [
    (np.uint8, 0),
    (np.uint8, 3),
    (np.uint8, 4),
    (np.uint16, 0),
    (np.uint16, 3),
    (np.uint16, 4),
]


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[np.uint8] | NDArray[np.uint16]:
    dtype, channels = draw(st.sampled_from(KINDS))
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    return draw(hnp.arrays(dtype, (*shape, channels) if channels else shape))


def saved(array: NDArray[np.uint8] | NDArray[np.uint16], **options: object) -> bytes:
    file = io.BytesIO()
    png_writer.write_png(array, file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def opened(content: bytes) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels as libpng, inside OpenCV, sees them."""
    array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert array is not None
    return array if array.ndim == 2 else array[..., [2, 1, 0, 3][: array.shape[2]]]


def chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    """Every chunk, its sum checked."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    place, found = 8, []
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        body = content[place + 4 : place + 8 + size]
        assert zlib.crc32(body).to_bytes(4, "big") == content[place + 8 + size : place + 12 + size]
        found.append((body[:4], body[4:]))
        place += 12 + size
    assert place == len(content)
    return found


def stream(content: bytes) -> bytes:
    """The filtered rows; zlib checks the stream's own sum, and nothing may come behind it."""
    packer = zlib.decompressobj()
    rows = packer.decompress(b"".join(body for kind, body in chunks(content) if kind == b"IDAT"))
    assert packer.eof
    assert not packer.unused_data
    return rows


@given(pictures(), st.sampled_from([16, 700, 1 << 20]), st.sampled_from([1, 3]), st.booleans())
def test_any_picture_round_trips(
    array: NDArray[np.uint8] | NDArray[np.uint16], band: int, threads: int, plain: bool
) -> None:
    """However it is cut into bands, by however many threads, with ISA-L and without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_writer, "_BAND", band)
        if plain:
            patch.setitem(sys.modules, "isal", None)
        content = saved(array, threads=threads)
        assert content == saved(array)
    assert np.array_equal(opened(content), array)
    assert len(stream(content)) == array.shape[0] * (1 + array[0].nbytes)
    if array.dtype == np.uint8 or array.ndim == 2:  # Pillow has no deep colors
        with Image.open(io.BytesIO(content)) as image:
            image.verify()
        with Image.open(io.BytesIO(content)) as image:
            assert np.array_equal(np.asarray(image), array)


@pytest.mark.parametrize("views", ["turned", "mirrored", "big end first", "a part"])
def test_arrays_of_any_order_in_memory(views: str) -> None:
    whole = np.random.default_rng(0).integers(0, 65_536, (30, 40), np.uint16)
    array = {
        "turned": np.rot90(whole),
        "mirrored": whole[:, ::-1],
        "big end first": whole.astype(">u2"),
        "a part": whole[3:20, 5:30],
    }[views]
    assert np.array_equal(opened(saved(array)), array)


def test_what_travels_along() -> None:
    icc = fixtures.icc()
    content = saved(fixtures.scene(), icc=icc, exif=fixtures.exif(1), dpi=(300.0, 72.0))
    kinds = [kind for kind, _ in chunks(content)]
    assert kinds[:4] == [b"IHDR", b"iCCP", b"pHYs", b"eXIf"]
    assert set(kinds[4:-1]) == {b"IDAT"}
    assert kinds[-1] == b"IEND"
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["icc_profile"] == icc
        assert image.info["dpi"] == pytest.approx((300, 72), abs=0.02)
        assert image.getexif()[0x0110] == "Pinhole 1"
    bare = [kind for kind, _ in chunks(saved(fixtures.scene()))]
    assert set(bare) == {b"IHDR", b"IDAT", b"IEND"}


@given(
    hnp.arrays(
        np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 5)
    )
)
def test_codes_with_a_palette_round_trip(codes: NDArray[np.uint8]) -> None:
    colors = [(0, 0, 0), (255, 0, 3), (1, 2, 3), (9, 250, 7), (4, 4, 4), (200, 100, 50)]
    content = png_writer.encode_indexed_png(codes, colors)
    assert [kind for kind, _ in chunks(content)][:2] == [b"IHDR", b"PLTE"]
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), codes)
        assert np.array_equal(np.asarray(image.convert("RGB")), np.array(colors)[codes])


@pytest.mark.skipif(not shutil.which("pngcheck"), reason="needs pngcheck")
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_a_strict_reader_finds_nothing_to_say(tmp_path: Path, dtype: type, channels: int) -> None:
    shape = (300, 200, channels) if channels else (300, 200)
    array = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype)
    (tmp_path / "a.png").write_bytes(
        saved(array, icc=fixtures.icc(), exif=fixtures.exif(1), dpi=(300.0, 300.0))
    )
    told = subprocess.run(
        ["pngcheck", "-q", str(tmp_path / "a.png")], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout) == (0, "")


def test_a_picture_is_not_held_a_second_time() -> None:
    """100 MB of pixels, and no more than some bands beside them."""
    tracemalloc = pytest.importorskip("tracemalloc")
    array = np.zeros((5000, 5000, 4), np.uint8)

    class Nowhere:
        def write(self, content: bytes) -> int:
            return len(content)

    tracemalloc.start()
    try:
        png_writer.write_png(array, Nowhere())
        assert tracemalloc.get_traced_memory()[1] < 12e6
    finally:
        tracemalloc.stop()
