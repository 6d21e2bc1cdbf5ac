"""Every kind of bad photo is refused in one line, in bounded memory and in silence."""

import contextlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.photo.photo_reader import read
from fixtures import encode, scene
from reading import near, refused


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint32])
def test_pixels_without_a_white_are_refused(kind):
    message = refused(fixtures.tiff(np.ones((4, 4), kind)), name="depth.tif")
    assert message.startswith("depth.tif: ")
    assert "8 or 16 bits" in message


def test_raw_files_are_refused_not_taken_for_their_preview():
    pixels = np.zeros((4, 4), np.uint8)
    for tags in ({254: (4, 1)}, {0xC612: (4, 1)}):
        assert "raw file" in refused(fixtures.tiff(pixels, tags))


def test_missing_folder_and_strange_paths(tmp_path):
    missing = tmp_path / "gone.jpg"
    assert refused(missing) == f"{missing}: there is no such file; check the path"
    assert refused(tmp_path) == f"{tmp_path}: is a folder; give a photo"
    assert "no such file" in refused(str(tmp_path / "two\nlines.jpg"))
    assert "is not a path" in refused("nul\0byte.jpg")
    assert "cannot be opened" in refused(tmp_path / ("long" * 200))
    assert "is not a file" in refused(os.devnull)
    (tmp_path / "file").write_bytes(b"x")
    assert "cannot be opened" in refused(tmp_path / "file" / "inside.jpg")


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_file_without_permission():
    with fixtures.public_folder() as folder:
        path = folder / "secret.png"
        path.write_bytes(encode(scene(), "PNG"))
        path.chmod(0)
        with fixtures.ordinary_user():
            message = refused(path)
    assert message.startswith(f"{path}: cannot be opened (permission denied)")


def test_things_that_are_no_source(tmp_path):
    assert "give a path" in refused(42)
    assert "give a path" in refused(None)
    assert "binary mode" in refused(io.StringIO("text"))
    closed = io.BytesIO(b"x")
    closed.close()
    assert "cannot be read" in refused(closed)


def test_empty_and_not_a_photo(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    assert refused(path) == f"{path}: is empty; copy it again"
    for content in (
        b"x",
        b"hello, this is a letter",
        b"%PDF-1.7 ...",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ):
        assert "is not a photo" in refused(content, name="letter.txt")


def test_a_picture_without_pixels():
    for width, height in ((0, 5), (5, 0)):
        refused(fixtures.png_header(width, height))


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM"]
)
def test_truncated_files_are_refused(form):
    noise = np.random.default_rng(1).integers(0, 256, (80, 80, 3), np.uint8)
    content = encode(noise, form)
    for part in (0.1, 0.5, 0.9):
        message = refused(content[: int(len(content) * part)], name="half.jpg")
        assert message.startswith("half.jpg: ")


def test_a_corrupt_png():
    content = bytearray(encode(scene(), "PNG"))
    middle = len(content) // 2
    content[middle : middle + 20] = b"?" * 20
    assert "cannot be decoded" in refused(bytes(content))


def test_the_pixel_cap_comes_before_decoding():
    message = refused(fixtures.png_header(60_000, 60_000), name="bomb.png")
    assert message.startswith("bomb.png: has 60000 x 60000 pixels")
    assert message.endswith("more than the 250000000 allowed; scale it down")
    assert "allowed" in refused(encode(scene(), "PNG"), max_pixels=48 * 32 - 1)
    assert read(encode(scene(), "PNG"), max_pixels=48 * 32).shape == (48, 32)


def test_the_cap_is_ours_and_pillows_own_is_left_alone(monkeypatch):
    """Pillow's limit belongs to the host: it is neither changed for a moment nor asked."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert "cannot be decoded" in refused(fixtures.png_header(10_000, 12_000))
    assert np.array_equal(read(encode(scene(), "PNG")).rgb, scene())
    assert Image.MAX_IMAGE_PIXELS == 1


def test_messages_stay_on_one_line(tmp_path):
    path = tmp_path / "two\nlines\x1b[31m.jpg"
    path.write_bytes(b"no photo")
    message = refused(path)
    assert "two?lines?[31m.jpg" in message


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(content):
    refused(content)


_STARTS = {
    form: encode(scene(24, 20), form)
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM")
} | {
    "tagged": encode(scene(24, 20), "JPEG", exif=fixtures.exif(6), icc_profile=fixtures.icc()),
    "gray": encode(scene(24, 20)[..., 0], "PNG", icc_profile=fixtures.gray_icc()),
    "deep": fixtures.tiff(scene(24, 20)[..., 0].astype(np.uint16)),
}


@given(
    st.sampled_from(sorted(_STARTS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    st.floats(0, 1),
)
def test_damaged_photos_give_a_photo_or_one_line(form, damage, kept):
    content = bytearray(_STARTS[form])
    for place, value in damage:
        content[int(place * len(content))] = value
    message = ""
    try:
        read(bytes(content[: int(len(content) * (0.5 + kept))]), max_pixels=10**6)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


def test_importing_io_imports_no_decoder():
    code = (
        "import sys, depthmatte.io.photo.photo_reader, depthmatte.io.photo.photo_writer\n"
        "import depthmatte.io.files.find\n"
        "print([name for name in ('PIL', 'cv2', 'pillow_heif') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_small_file_may_not_cost_much_memory(capfd):
    """Seen from the header alone, in silence; a caller who asks for more may have it."""
    j2k = bytearray(encode(scene(), "JPEG2000", no_jp2=True))
    size = (15_800).to_bytes(4, "big")
    j2k[8:16] = j2k[24:32] = size * 2
    for content in (fixtures.png_header(20_000, 12_000), bytes(j2k)):
        message = refused(content, name="bomb")
        assert "more than 2 GB of memory; scale it to" in message
        assert message.startswith("bomb: has ")
    assert capfd.readouterr() == ("", "")
    assert "cannot be decoded" in refused(fixtures.png_header(20_000, 12_000), max_pixels=10**9)


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory the Linux way")
@pytest.mark.parametrize(("orientation", "most"), [(1, 5), (6, 7)])
def test_memory_of_decoding(tmp_path, orientation, most):
    """The decoder writes where the photo lies: 4 bytes a pixel, 6 where it has to be turned."""
    path = tmp_path / "large.jpg"
    picture = Image.fromarray(scene()).resize((6000, 4000))
    path.write_bytes(encode(picture, "JPEG", quality=80, exif=fixtures.exif(orientation)))
    code = (
        "import sys\n"
        "from depthmatte.io.photo.photo_reader import read, read_photo_header\n"
        "def peak():\n"
        "    rows = open('/proc/self/status').read().split('VmHWM:')\n"
        "    return int(rows[1].split()[0]) * 1024\n"
        f"read({encode(scene(), 'JPEG', exif=fixtures.exif(6))!r})\n"
        "before = peak()\n"
        "read_photo_header(sys.argv[1])\n"
        "header = peak()\n"
        "read(sys.argv[1])\n"
        "print((header - before) / 24e6, (peak() - before) / 24e6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    header, whole = map(float, done.stdout.split())
    assert header < 0.3
    assert 3 < whole < most


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "jpeg", "packbits"])
def test_damaged_tiffs_are_refused_in_silence(capfd, compression):
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    content = bytearray(encode(noise, "TIFF", compression=compression))
    for place in range(len(content) // 4, len(content) // 2, 7):
        content[place] ^= 0x55
    for damaged in (bytes(content), bytes(content[: len(content) * 2 // 3])):
        with contextlib.suppress(InputError):
            read(damaged)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="libtiff cannot be reached inside a DLL")
def test_libtiff_speaks_again_afterwards(capfd):
    """The handler of the process is only away while a TIFF of ours is decoded."""
    content = bytearray(encode(scene(), "TIFF", compression="tiff_adobe_deflate"))
    content[12:60] = b"?" * 48
    refused(bytes(content))
    assert capfd.readouterr().err == ""
    with pytest.raises(OSError, match="decoder error"), Image.open(io.BytesIO(content)) as image:
        image.load()
    assert "ZIPDecode" in capfd.readouterr().err


def test_reported_files_are_refused_in_silence(shared, capfd):
    for name in ("tiff_noise.tif", "j2k_one_tile_15800.j2k"):
        refused(shared / "faults" / "hostile" / name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x08\0\0\0",
        b"II*\0\x10\0\0\0CR\2\0",
        b"II\x1a\0\0\0HEAPCCDR",
        b"FOVb\0\0\2\0",
        b"\0MRM\0\0\0\0",
    ],
)
def test_raw_files_are_known_by_content(content):
    assert "camera's raw file; develop it" in refused(content + bytes(64), name="x.jpg")


@pytest.mark.parametrize("suffix", ["CR2", "nef", "DNG", "ARW", "RAF", "CR3", "orf", "rw2"])
def test_raw_files_are_known_by_name_where_damaged(suffix):
    for content in (b"II*\0\x08\0\0\0" + bytes(40), b"damaged", b"\xff\xd8\xff\xe0"):
        assert "camera's raw file; develop it" in refused(content, name=f"IMG_1.{suffix}")
    assert near(read(encode(scene(), "PNG"), name=f"IMG_1.{suffix}"), scene(), 0)


@pytest.mark.parametrize("tag", [{262: (3, 32_803)}, {259: (3, 34_713)}, {262: (3, 34_892)}])
def test_raw_files_that_look_like_a_tiff(tag):
    assert "raw file" in refused(fixtures.tiff(np.zeros((4, 4), np.uint8), tag))


def test_jpeg_xl_is_called_so():
    assert "is JPEG XL" in refused(b"\xff\x0a" + bytes(30))


def test_reading_registers_nothing():
    """A host's Pillow opens after us what it opened before."""
    code = (
        "from PIL import Image\n"
        "from depthmatte.io.photo.photo_reader import read\n"
        f"read({encode(scene(), 'HEIF')!r})\n"
        "print('HEIF' in Image.OPEN, Image.MAX_IMAGE_PIXELS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(Image.MAX_IMAGE_PIXELS)]
