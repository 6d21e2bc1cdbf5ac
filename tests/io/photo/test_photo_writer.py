"""photo_writer and files.find: files are written whole or not at all, found in a fixed order."""

import os
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.files.find import find_photos
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import WRITABLE_SUFFIXES, to_8bit, to_16bit, write
from depthmatte.photo import Meta
from fixtures import scene


def refused(*arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        write(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def seen(path, mode=None) -> np.ndarray:
    """What another program would see in the file."""
    with Image.open(path) as image:
        return np.asarray(image.convert(mode) if mode else image)


def rgba() -> np.ndarray:
    return np.dstack([scene(), scene()[..., 1]])


def deep() -> np.ndarray:
    return np.linspace(0, 65_535, 48 * 32).astype(np.uint16).reshape(48, 32)


LOSSLESS = [".png", ".tif", ".tiff", ".PNG", ".Tiff"]


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize(
    "array", [scene()[..., 0], scene(), rgba(), deep()], ids=["gray", "rgb", "rgba", "deep"]
)
@pytest.mark.parametrize("meta", [None, Meta(exif=fixtures.exif(1), icc=fixtures.icc())])
def test_png_and_tiff_lose_nothing(tmp_path, suffix, array, meta):
    path = write(array, tmp_path / f"out{suffix}", meta)
    assert path == tmp_path / f"out{suffix}"
    back = seen(path)
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp"])
def test_jpeg_and_webp_come_close(tmp_path, suffix):
    back = seen(write(scene(), tmp_path / f"out{suffix}"))
    assert np.abs(back.astype(int) - scene()).mean() < 2
    gray = seen(write(scene()[..., 0], tmp_path / f"gray{suffix}"), "L")
    assert np.abs(gray.astype(int) - scene()[..., 0]).mean() < 2


def test_webp_keeps_maps_and_alpha_exactly(tmp_path):
    gray = scene()[..., 1]
    assert np.array_equal(seen(write(gray, tmp_path / "map.webp"), "L"), gray)
    cutout = seen(write(rgba(), tmp_path / "cutout.webp"))
    assert np.array_equal(cutout[..., 3], rgba()[..., 3])


def test_quality_matters(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for suffix in (".jpg", ".webp"):
        sizes = [
            write(noise, tmp_path / f"{quality}{suffix}", quality=quality).stat().st_size
            for quality in (10, 50, 95)
        ]
        assert sizes == sorted(sizes)
        assert sizes[0] < sizes[2] / 2
    assert "1 to 100" in refused(noise, tmp_path / "x.jpg", quality=0)
    assert "1 to 100" in refused(noise, tmp_path / "x.jpg", quality=101)


@pytest.mark.parametrize("suffix", sorted({*WRITABLE_SUFFIXES} - {".exr"}))
def test_exif_and_icc_survive(tmp_path, suffix):
    icc = fixtures.icc()  # each holds the second it was made in
    meta = Meta(exif=fixtures.exif(1), icc=icc)
    photo = read(write(scene(), tmp_path / f"out{suffix}", meta))
    assert photo.meta.icc == icc
    tags = Image.Exif()
    tags.load(photo.meta.exif)
    assert tags[0x0110] == "Pinhole 1"
    assert tags.get_ifd(0x8769)[0x829A] == pytest.approx(0.01)
    assert tags.get_ifd(0x8825)[2] == (48.0, 51.0, 30.0)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_map_carries_no_color_profile(tmp_path, suffix):
    path = write(deep(), tmp_path / f"depth{suffix}", Meta(icc=fixtures.icc()))
    with Image.open(path) as image:
        assert "icc_profile" not in image.info


def test_a_photo_written_again_is_the_photo(tmp_path):
    source = tmp_path / "in.png"
    source.write_bytes(
        fixtures.encode(
            fixtures.stored(scene(), 6), "PNG", exif=fixtures.exif(6), icc_profile=fixtures.icc()
        )
    )
    photo = read(source)
    again = read(write(photo.rgb, tmp_path / "out.png", photo.meta, forbid=source))
    assert np.array_equal(again.rgb, photo.rgb)
    assert again.meta.exif == photo.meta.exif
    assert again.meta.icc == photo.meta.icc


def test_exif_too_long_for_jpeg_is_left_out(tmp_path):
    tags = Image.Exif()
    tags[0x8769] = {0x927C: b"m" * 70_000}
    meta = Meta(exif=tags.tobytes())
    assert read(write(scene(), tmp_path / "out.jpg", meta)).meta.exif is None
    assert len(read(write(scene(), tmp_path / "out.png", meta)).meta.exif) > 70_000


def test_folders_are_made(tmp_path):
    assert write(scene(), tmp_path / "a" / "b" / "out.png").is_file()


def test_what_a_format_cannot_hold(tmp_path):
    assert "use .png, .webp or .tif" in refused(rgba(), tmp_path / "out.jpg")
    assert "no 16 bits" in refused(deep(), tmp_path / "out.jpg")
    assert "no 16 bits" in refused(deep(), tmp_path / "out.webp")
    wide = np.zeros((1, 16_384, 3), np.uint8)
    assert "16383" in refused(wide, tmp_path / "out.webp")
    assert "65500" in refused(np.zeros((1, 65_501, 3), np.uint8), tmp_path / "out.jpg")
    assert write(wide, tmp_path / "out.png").is_file()
    for name in ("out", "out.heic", "out.png.exe"):
        message = refused(scene(), tmp_path / name)
        assert message.startswith(str(tmp_path / name))
        assert ".png .webp .jpg .jpeg .tif .tiff" in message


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), bool),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_what_is_no_picture(tmp_path, array):
    assert refused(array, tmp_path / "out.png").startswith(f"{tmp_path / 'out.png'}: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_resolution_is_kept(tmp_path, suffix):
    path = write(scene(), tmp_path / f"out{suffix}", Meta(dpi=(300.0, 150.0)))
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)
    for odd in ((0.0, 72.0), (float("nan"), 72.0), (1e12, 1e12)):
        write(scene(), path, Meta(dpi=odd))
        assert seen(path).shape == scene().shape


def test_the_photo_itself_is_never_overwritten(tmp_path):
    photo = tmp_path / "photo.png"
    before = fixtures.encode(255 - scene(), "PNG")
    photo.write_bytes(before)
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "sub").mkdir()
    for path in (photo, tmp_path / "link.png", tmp_path / "sub" / ".." / "photo.png"):
        for forbid in (photo, str(photo), [tmp_path / "other.png", photo]):
            assert "is not overwritten" in refused(scene(), path, forbid=forbid)
    assert photo.read_bytes() == before
    write(scene(), tmp_path / "new.png", forbid=photo)
    write(scene(), tmp_path / "new.png", forbid=photo)
    assert np.array_equal(seen(tmp_path / "new.png"), scene())


def test_the_photo_a_picture_is_of_is_never_overwritten(tmp_path):
    """The photo's own file is known from its Meta: nobody has to forbid it."""
    photo = tmp_path / "photo.png"
    before = fixtures.encode(255 - scene(), "PNG")
    photo.write_bytes(before)
    os.link(photo, tmp_path / "link.png")
    meta = read(photo).meta
    for path in (photo, tmp_path / "link.png"):
        assert "is not overwritten" in refused(scene(), path, meta)
    assert photo.read_bytes() == before
    write(scene(), tmp_path / "new.png", meta)


@pytest.mark.parametrize("picture", ["text", None, [[1, 2]], Image.new("RGB", (4, 4))])
def test_only_arrays_are_pictures(tmp_path, picture):
    assert "give an array" in refused(picture, tmp_path / "a.png")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["a\0.png", "\0/a.png", "a\ud800.png"])
def test_what_no_file_can_be_called(tmp_path, name):
    assert "is not a path" in refused(scene(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_nothing_and_keeps_the_old(tmp_path):
    path = tmp_path / "out.png"
    write(scene(), path)
    before = path.read_bytes()
    broken = Meta(exif=12)  # type: ignore[arg-type]
    message = refused(255 - scene(), path, broken)
    assert message.startswith(f"{path}: cannot be written")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.png"]


def test_a_stop_by_the_user_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write(scene(), tmp_path / "out.png")
    assert not list(tmp_path.iterdir())


def test_places_that_do_not_work(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert "cannot be written" in refused(scene(), tmp_path / "file" / "out.png")
    (tmp_path / "folder.png").mkdir()
    assert "cannot be written" in refused(scene(), tmp_path / "folder.png")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.png"]
    assert not list((tmp_path / "folder.png").iterdir())


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_disk_that_takes_only_a_part(tmp_path, suffix, share):
    """Whatever encodes: a file that would miss even its last byte is refused, the old one stays."""
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), np.uint8)
    path = write(noise, tmp_path / f"out{suffix}")
    before = path.read_bytes()
    room = max(1, round(share * (len(before) - 1)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        message = refused(noise, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in message
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_file_has_the_users_usual_permissions(tmp_path):
    (tmp_path / "plain").touch()
    written = write(scene(), tmp_path / "out.png")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_names_as_long_as_the_system_allows(tmp_path):
    assert write(scene(), tmp_path / ("n" * 251 + ".png")).is_file()


def test_quantising_rounds_to_the_nearest_level():
    values = np.array([0, 1, 0.5, 0.4 / 255, 0.6 / 255, 254.4 / 255, -3, 7], np.float32)
    assert to_8bit(values).tolist() == [0, 255, 128, 0, 1, 254, 0, 255]
    assert to_16bit(np.array([0, 1, 0.5, -1, 2], np.float32)).tolist() == [
        0,
        65_535,
        32_768,
        0,
        65_535,
    ]
    assert to_8bit(np.array([False, True])).tolist() == [0, 255]
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(InputError, match="not finite"):
            to_8bit(np.array([0.5, value], np.float32))


def test_quantising_leaves_its_input_alone():
    values = np.array([0.3, 2.0], np.float32)
    to_16bit(values)
    assert values.tolist() == [np.float32(0.3), 2.0]


@given(hnp.arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_sixteen_bits_come_back_within_half_a_level(values):
    assert np.abs(to_16bit(values) / 65_535 - values).max() <= 0.5 / 65_535 + 1e-7
    assert np.abs(to_8bit(values) / 255 - values).max() <= 0.5 / 255 + 1e-7


@given(
    st.sampled_from([".png", ".tif"]),
    st.sampled_from([(np.uint8, 0), (np.uint8, 3), (np.uint8, 4), (np.uint16, 0)]),
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)
def test_any_picture_round_trips(tmp_path_factory, suffix, kind, height, width, seed):
    dtype, channels = kind
    shape = (height, width, channels) if channels else (height, width)
    array = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    assert np.array_equal(seen(write(array, path)), array)


@pytest.fixture
def album(tmp_path):
    for name in (
        "b.JPG",
        "a.png",
        "notes.txt",
        ".hidden.jpg",
        "trip/2.heic",
        "trip/10.webp",
        "trip/deep/x.tif",
        ".cache/thumb.jpg",
        "out/a.alpha.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(found) -> list[tuple[str, str]]:
    return [(path.name, folder.as_posix()) for path, folder in found]


def test_find_searches_folders_in_order(album):
    assert names(find_photos([album])) == [
        ("a.png", "."),
        ("b.JPG", "."),
        ("a.alpha.png", "out"),
        ("10.webp", "trip"),
        ("2.heic", "trip"),
        ("x.tif", "trip/deep"),
    ]
    assert ("a.alpha.png", "out") not in names(find_photos([album], skip_folder=album / "out"))
    assert names(find_photos([album / "trip"]))[-1] == ("x.tif", "deep")


def test_find_takes_named_files_as_they_are_and_each_once(album):
    named = [album / "notes.txt", album / ".hidden.jpg", album / "b.JPG", album]
    found = names(find_photos(named))
    assert found[:3] == [("notes.txt", "."), (".hidden.jpg", "."), ("b.JPG", ".")]
    assert len(found) == len(set(found)) == 8
    assert names(find_photos([str(album / "b.JPG")])) == [("b.JPG", ".")]
    assert find_photos([]) == []


def test_find_does_not_follow_folder_links_in_circles(album):
    (album / "trip" / "again").symlink_to(album)
    (album / "trip" / "linked.png").symlink_to(album / "a.png")
    found = names(find_photos([album]))
    assert len(found) == 7
    assert ("linked.png", "trip") in found


def test_find_refuses_what_is_not_there(album):
    for path in (album / "gone.jpg", "two\nlines", "nul\0byte"):
        with pytest.raises(InputError, match="cannot be found") as caught:
            find_photos([album, path])
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="holds no photos"):
        find_photos([album / "empty"])


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_folders_without_permission():
    with fixtures.public_folder() as folder:
        write(scene(), folder / "locked" / "out.png")
        write(scene(), folder / "open.png")
        (folder / "locked").chmod(0)
        with fixtures.ordinary_user():
            assert "permission denied" in refused(scene(), folder / "out.png")
            with pytest.raises(InputError, match="cannot be opened"):
                find_photos([folder])
            refused_folders: list[InputError] = []
            assert [f.path.name for f in find_photos([folder], refused=refused_folders)] == [
                "open.png"
            ]
            assert "locked" in str(refused_folders[0])
        assert {entry.name for entry in folder.iterdir()} == {"locked", "open.png"}
        (folder / "locked").chmod(0o755)
