"""The store of corrected masks: what is kept, refused, updated and removed."""

from __future__ import annotations

import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import depthmatte
from depthmatte.errors import InputError
from depthmatte.feedback.mask_input import fit_mask_to_photo, read_corrected_mask
from depthmatte.feedback.sample_list import LIST_NAME, find_sample, list_samples
from depthmatte.feedback.store import remove_sample, store_sample
from depthmatte.networks import registry
from depthmatte.training.data.folders import list_pairs

SIZE = (48, 32)
"""(height, width) of the photos here."""


def photo_bytes(seed: int = 0, format: str = "JPEG", orientation: int = 1) -> bytes:
    """A smooth picture, so that JPEG keeps it."""
    rng = np.random.default_rng(seed)
    rgb = cv2.resize(rng.integers(0, 256, (4, 4, 3), np.uint8), SIZE[::-1])
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(file, format, quality=95, exif=exif.tobytes())
    return file.getvalue()


def disk(radius: int = 10, shape: tuple[int, int] = SIZE) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = (rows - shape[0] // 2) ** 2 + (columns - shape[1] // 2) ** 2 < radius**2
    return np.where(inside, 255, 0).astype(np.uint8)


def save(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.mark.parametrize(("format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_photo_bytes_and_mask_are_kept(store: Path, format: str, suffix: str) -> None:
    content = photo_bytes(format=format)
    sample = store_sample(content, disk(), store=store, name="me", note="hat").sample
    assert sample.photo == f"images/{sample.id}.{suffix}"
    assert sample.photo_path.read_bytes() == content
    assert np.array_equal(np.asarray(Image.open(sample.mask_path)), disk())
    assert sample.network == "matte"
    assert sample.network_sha256 == registry.NETWORKS["matte"].expected_sha256
    assert (sample.name, sample.note, sample.version) == ("me", "hat", depthmatte.__version__)
    assert list_samples(store) == [sample]


def test_the_store_is_a_training_folder(store: Path) -> None:
    for seed in range(3):
        store_sample(photo_bytes(seed, orientation=6), disk(8, SIZE[::-1]), store=store)
    pairs = list_pairs(store, "feedback")
    assert len(pairs) == 3
    for pair in pairs:
        rgb, mask = pair.read()
        assert rgb.shape[:2] == mask.shape == SIZE[::-1]
        assert np.array_equal(mask, disk(8, SIZE[::-1]))


def test_what_the_training_reader_cannot_read_is_stored_as_png(store: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    rgb = np.asarray(Image.open(io.BytesIO(photo_bytes())))
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB", SIZE[::-1], np.ascontiguousarray(rgb).tobytes()).save(
        file, quality=-1
    )
    sample = store_sample(file.getvalue(), disk(), store=store).sample
    assert sample.photo.endswith(".png")
    [pair] = list_pairs(store, "feedback")
    assert np.abs(pair.read()[0].astype(int) - rgb).mean() < 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_the_user_may_enter(store: Path) -> None:
    store_sample(photo_bytes(), disk(), store=store)
    for folder in (store, *(one for one in store.iterdir() if one.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_same_photo_again_updates_its_mask_and_keeps_the_history(store: Path) -> None:
    first = store_sample(photo_bytes(), disk(10), store=store)
    again = store_sample(photo_bytes(), disk(10), store=store)
    other = store_sample(photo_bytes(), disk(5), store=store)
    assert [one.outcome for one in (first, again, other)] == ["added", "unchanged", "updated"]
    [sample] = list_samples(store)
    assert sample.revision == 2
    assert np.array_equal(np.asarray(Image.open(sample.mask_path)), disk(5))
    [past] = (store / "history").iterdir()
    assert np.array_equal(np.asarray(Image.open(past)), disk(10))
    assert len((store / LIST_NAME).read_bytes().splitlines()) == 2


def test_removal_leaves_nothing_of_a_sample(store: Path) -> None:
    for radius in (10, 5):
        gone = store_sample(photo_bytes(0), disk(radius), store=store, name="secret").sample
    kept = store_sample(photo_bytes(1), disk(), store=store).sample
    assert remove_sample(gone.id[:5], store).id == gone.id
    assert list_samples(store) == [kept]
    files = {one.name for one in store.rglob("*") if one.is_file() and one.name != ".lock"}
    assert files == {LIST_NAME, kept.photo_path.name, kept.mask_path.name}
    assert "secret" not in (store / LIST_NAME).read_text("utf-8")
    with pytest.raises(InputError, match=r"no such sample in .*; see depthmatte feedback list"):
        remove_sample(gone.id, store)


def test_a_line_that_a_killed_process_left_is_dropped(store: Path) -> None:
    first = store_sample(photo_bytes(0), disk(), store=store).sample
    with (store / LIST_NAME).open("ab") as file:
        file.write(b'{"id": "0123')
    assert list_samples(store) == [first]
    second = store_sample(photo_bytes(1), disk(), store=store).sample
    assert list_samples(store) == [first, second]


@pytest.mark.parametrize(
    "change",
    [
        {"photo": "../../etc/passwd"},
        {"mask": "masks/../../x.png"},
        {"id": "../../x"},
        {"width": "wide"},
        {"id": None},
    ],
)
def test_a_list_that_points_elsewhere_is_refused(store: Path, change: dict[str, object]) -> None:
    store_sample(photo_bytes(), disk(), store=store)
    path = store / LIST_NAME
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}) + "\n", "utf-8")
    with pytest.raises(InputError, match=r"samples\.jsonl: holds a line that is no sample"):
        list_samples(store)


@given(st.binary(max_size=80))
def test_any_list_is_read_or_refused_on_one_line(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LIST_NAME).write_bytes(content)
        found: list[object] = []
        problem = ""
        try:
            found += list_samples(Path(folder))
        except InputError as error:
            problem = str(error)
        assert found == []
        assert "\n" not in problem


def test_masks_of_two_kinds(tmp_path: Path) -> None:
    gray = save(tmp_path / "gray.png", disk())
    cutout = np.dstack([np.full((*SIZE, 3), (200, 30, 10), np.uint8), disk()])
    deep = tmp_path / "deep.png"
    cv2.imwrite(str(deep), disk().astype(np.uint16) * 257)
    for path in (gray, save(tmp_path / "cutout.png", cutout), deep):
        assert np.array_equal(read_corrected_mask(path), disk())


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (disk(10, (24, 16)), r"is 16 x 24 pixels but its photo 32 x 48; save it at .*resize-mask"),
        (disk(10, (48, 48)), "give a mask of the whole photo, not of a part"),
        (disk(10, (32, 48)), "lying on its side, as before its EXIF.*turn the mask upright"),
        (disk() // 255, "its largest value is 1; scale it"),
        (np.full((*SIZE, 3), (255, 0, 90), np.uint8), "is a color picture, not a mask"),
    ],
)
def test_masks_that_cannot_be_meant_are_refused(
    tmp_path: Path, store: Path, array: np.ndarray, problem: str
) -> None:
    mask = save(tmp_path / "mask.png", array)
    with pytest.raises(InputError, match=rf"mask\.png: .*{problem}"):
        store_sample(photo_bytes(), mask, store=store)
    assert not store.exists()


def test_a_mask_before_the_exif_orientation_is_noticed(tmp_path: Path, store: Path) -> None:
    raw = save(tmp_path / "raw.png", disk(8))
    with pytest.raises(InputError, match="turn the mask upright"):
        store_sample(photo_bytes(orientation=6), raw, store=store)
    turned = store_sample(photo_bytes(orientation=3), raw, store=store)
    assert "make sure that the mask is upright" in turned.notes[0]
    assert store_sample(photo_bytes(orientation=1), raw, store=store).notes == ()


@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 4))
def test_a_scaled_mask_fits_when_it_may(rows: int, columns: int, times: int) -> None:
    mask = np.full((rows * times, columns * times), 255, np.uint8)
    fitted = fit_mask_to_photo(mask, (rows, columns), "mask", resized=True)
    assert fitted.shape == (rows, columns)
    assert fitted.min() == 255


@pytest.mark.parametrize("content", [b"", b"no photo", photo_bytes()[:300]])
def test_a_file_that_is_no_photo_stores_nothing(store: Path, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        store_sample(content, disk(), store=store)
    assert "\n" not in str(caught.value)
    assert not store.exists()


def test_the_store_must_be_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match=r"file: cannot be made \(a file has its name"):
        store_sample(photo_bytes(), disk(), store=tmp_path / "file")


ADDER = """
import sys
from pathlib import Path
from test_feedback_store import disk, photo_bytes
from depthmatte.feedback.store import store_sample
for seed in map(int, sys.argv[2:]):
    store_sample(photo_bytes(seed), disk(), store=Path(sys.argv[1]))
"""


def test_two_processes_may_add_at_once(store: Path) -> None:
    paths = [str(Path(__file__).parent), str(Path(depthmatte.__file__).parent.parent)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    shares = [map(str, range(0, 14)), map(str, range(7, 21))]  # seven photos are added twice
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ADDER, str(store), *share], env=env, stderr=subprocess.PIPE
        )
        for share in shares
    ]
    for one in running:
        assert one.communicate()[1] == b""
        assert one.returncode == 0
    samples = list_samples(store)
    assert len(samples) == 21
    assert all(one.is_complete and one.revision == 1 for one in samples)
    assert len((store / LIST_NAME).read_bytes().splitlines()) == 21
    assert find_sample(samples[3].id, store) == samples[3]
