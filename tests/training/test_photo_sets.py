"""Training reads photos from any folder, lists their problems first, and splits them fairly."""

from __future__ import annotations

import json
import os
import pickle
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from depthmatte.cli.commands.training.recipe import require_packages
from depthmatte.cli.commands.training.train import train_app
from depthmatte.errors import InputError, MissingExtra, OptionError
from depthmatte.training.data.folders import LabeledPhoto, read_mask
from depthmatte.training.data.matte_material import (
    MatteMaterial,
    SampleRequest,
    gather_matte_material,
    list_held_out,
)
from depthmatte.training.data.sample_set import SampleSet
from depthmatte.training.data.set_formats import find_sets
from training_data import person


def write(path: Path, rgb: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    order = [2, 1, 0, 3][: rgb.shape[2]] if rgb.ndim == 3 else ...
    assert cv2.imwrite(str(path), rgb[..., order] if rgb.ndim == 3 else rgb)
    return path


def pairs(folder: Path, count: int, seed: int = 0) -> Path:
    """`images/` and `masks/` of different photos."""
    for index in range(count):
        rgb, mask = person(100 + index, 70, seed)
        write(folder / "images" / f"{index:03}.png", rgb)
        write(folder / "masks" / f"{index:03}.png", mask)
    return folder


def cutouts(folder: Path, count: int) -> Path:
    for index in range(count):
        rgb, mask = person(110 + index, 60, 7)
        soft = cv2.GaussianBlur(mask, (0, 0), 2)
        write(folder / f"{index}.png", np.dstack([rgb, soft]))
    return folder


def gather(*data: Path, **asked: object) -> MatteMaterial:
    return gather_matte_material(SampleRequest(data, **asked))  # type: ignore[arg-type]


def found(material: MatteMaterial) -> dict[str, tuple[int, tuple[str, ...]]]:
    return {one.kind: (one.count, one.names) for one in material.problems}


def test_pairs_are_matched_by_name_and_the_rest_is_listed(tmp_path: Path) -> None:
    pairs(tmp_path, 12)
    (tmp_path / "images" / "003.png").rename(tmp_path / "images" / "Photo3.PNG")
    (tmp_path / "masks" / "003.png").rename(tmp_path / "masks" / "PHOTO3.png")
    (tmp_path / "masks" / "004.png").unlink()
    (tmp_path / "images" / "005.png").unlink()
    (tmp_path / "images" / "notes.heic").write_bytes(b"x")
    material = gather(tmp_path)
    names = {item.photo.name for item in (*material.items, *material.validation)}
    assert len(names) == 10
    assert "Photo3.PNG" in names
    told = found(material)
    assert told["photo-without-mask"] == (1, ("004.png",))
    assert told["mask-without-photo"] == (1, ("005.png",))
    assert told["other-file"] == (1, ("notes.heic",))
    assert material.backgrounds == []
    assert any("plain, graded and noisy ones are drawn" in line for line in material.describe())


def test_a_feedback_store_is_a_folder_of_pairs(tmp_path: Path) -> None:
    pairs(tmp_path, 5)
    (tmp_path / "samples.jsonl").write_text('{"id": "000", "note": "hair"}\n')
    assert [one.format for one in find_sets(tmp_path)] == ["pairs"]


@pytest.mark.parametrize("below", ["", "cutouts"])
def test_cutouts_are_their_own_masks(tmp_path: Path, below: str) -> None:
    folder = tmp_path / "mine"
    cutouts(folder / below, 10)
    write(folder / "backgrounds" / "place.png", person(80, 120, 5)[0])
    material = gather(folder)
    people = [item for item in material.items if item.mask is not None]
    assert len(people) + len(material.validation) == 10
    assert all(item.is_cutout and item.group == "mine" for item in people)
    assert [path.name for path in material.backgrounds] == ["place.png"]
    rgb, mask = people[0].read()
    again, _ = people[0].read()
    assert np.array_equal(rgb, again)
    assert rgb.shape == (*mask.shape, 3)
    assert ((mask > 30) & (mask < 225)).any()


def test_a_list_names_photos_masks_sets_and_shares(tmp_path: Path) -> None:
    pairs(tmp_path / "pool", 8)
    rows = [
        f"pool/images/{n:03}.png,pool/masks/{n:03}.png,{'ab'[n % 2]},{n % 2 + 1}" for n in range(8)
    ]
    empty = "pool/images/007.png,,places,0.5"
    (tmp_path / "photos.csv").write_text("\n".join(["photo,mask,set,share", *rows]))
    objects = [
        dict(zip(("photo", "mask", "set", "share"), row.split(","), strict=True)) for row in rows
    ]
    lines = [json.dumps(one) for one in objects]
    (tmp_path / "photos.jsonl").write_text("\n".join([*lines, "[]", '{"mask": "x"}', "{"]))
    by_csv, by_json = (gather(tmp_path / name) for name in ("photos.csv", "photos.jsonl"))
    assert by_csv.items == by_json.items
    assert by_csv.shares == by_json.shares
    assert {item.group for item in by_csv.items} == {"a", "b"}
    assert set(by_csv.shares) == {1.0, 2.0}
    assert found(by_json)["bad-row"] == (3, ("row 9", "row 10", "row 11"))
    with pytest.raises(InputError, match="3 rows that cannot be used; see depthmatte train check"):
        by_json.refuse_errors()
    chosen = gather(tmp_path / "photos.csv", share=("b=5",))
    assert set(chosen.shares) == {1.0, 10.0}
    (tmp_path / "photos.csv").write_text("\n".join(["photo,mask,set,share", *rows, empty]))
    assert any(item.mask is None for item in gather(tmp_path / "photos.csv").items)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "jsonl"]))
def test_any_bytes_as_a_list_are_one_line_or_rows(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("list") / f"photos.{suffix}"
    path.write_bytes(content)
    with suppress(InputError):  # any other error fails
        gather(path)


def test_coco_is_read(tmp_path: Path) -> None:
    pytest.importorskip("depthmatte.training.data.formats.coco")
    pairs(tmp_path, 10)
    images = [
        {"id": n, "file_name": f"images/{n:03}.png", "width": 70, "height": 100 + n}
        for n in range(10)
    ]
    box = [10, 20, 60, 20, 60, 90, 10, 90]
    shapes = [
        {"id": n, "image_id": n, "category_id": 1, "segmentation": [box], "iscrowd": 0}
        for n in range(10)
    ]
    content = {"images": images, "annotations": shapes, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    material = gather(tmp_path / "labels.json")
    assert len(material.items) + len(material.validation) == 10
    mask = material.items[0].read()[1]
    assert mask[50, 40] == 255
    assert mask[50, 5] == 0


def test_every_problem_is_listed_with_its_kind(tmp_path: Path) -> None:
    pairs(tmp_path, 20)
    masks, images = tmp_path / "masks", tmp_path / "images"
    (images / "000.png").write_bytes(b"no picture")
    (masks / "001.png").write_bytes(b"no picture")
    write(masks / "002.png", np.zeros((70, 102), np.uint8))  # turned
    write(masks / "003.png", np.full((103, 70), 120, np.uint8))
    write(masks / "004.png", np.zeros((104, 70), np.uint8))
    write(masks / "005.png", np.full((105, 70), 255, np.uint8))
    write(masks / "006.png", (person(106, 70)[1] > 0).astype(np.uint8) * 3)
    material = gather(tmp_path)
    told = found(material)
    for kind, name in (
        ("unreadable-photo", "000.png"), ("unreadable-mask", "001.png"),
        ("other-aspect", "002.png"), ("not-a-mask", "003.png"), ("empty-mask", "004.png"),
        ("white-mask", "005.png"), ("class-numbers", "006.png"),
    ):  # fmt: skip
        assert told[kind] == (1, (name,)), kind
    order = [one.severity for one in material.problems]
    assert order == sorted(order, key=("error", "warning", "note").index)
    assert all("\n" not in line for line in material.describe())
    used = {item.photo.name for item in (*material.items, *material.validation)}
    assert used == {f"{n:03}.png" for n in range(20)} - {f"{n:03}.png" for n in (0, 1, 2, 3, 6)}
    with pytest.raises(InputError, match="see depthmatte train check, mend them, or give --skip"):
        material.refuse_errors()
    gather(tmp_path, skip_bad=True).refuse_errors()


def test_a_mended_file_is_read_again(tmp_path: Path) -> None:
    pairs(tmp_path, 6)
    whole = (tmp_path / "images" / "000.png").read_bytes()
    (tmp_path / "images" / "000.png").write_bytes(b"no picture")
    assert "unreadable-photo" in found(gather(tmp_path))
    (tmp_path / "images" / "000.png").write_bytes(whole)
    assert "unreadable-photo" not in found(gather(tmp_path))


@pytest.mark.parametrize("form", ["zero-one", "16 bits", "alpha", "color"])
def test_masks_of_other_depths_are_read(tmp_path: Path, form: str) -> None:
    mask = person(60, 50)[1]
    rgb = np.dstack([mask] * 3)
    forms = {
        "zero-one": mask // 255,
        "16 bits": mask.astype(np.uint16) * 257,
        "alpha": np.dstack([np.full_like(rgb, 90), mask]),
        "color": rgb,
    }
    assert np.array_equal(read_mask(write(tmp_path / "mask.png", forms[form])), mask)


def test_duplicates_stay_together_and_the_first_set_keeps_them(tmp_path: Path) -> None:
    one, two, test = (pairs(tmp_path / name, 12, seed) for seed, name in enumerate("abt"))
    for n in range(3):  # b/000 to b/002 are a's, in another size
        rgb, mask = person(100 + n, 70, 0)
        write(two / "images" / f"{n:03}.png", cv2.resize(rgb, (140, 200)))
        write(two / "masks" / f"{n:03}.png", cv2.resize(mask, (140, 200)))
    for n in (4, 5):  # twice in a
        rgb, mask = person(100 + n, 70, 0)
        write(one / "images" / f"{n}-again.jpg", rgb)
        write(one / "masks" / f"{n}-again.png", mask if n == 4 else mask[:, ::-1] // 2 * 0)
    write(test / "images" / "000.png", person(109, 70, 0)[0])
    material = gather(one, two, not_in=(test,))
    told = found(material)
    assert told["duplicate"] == (3, ("000.png", "001.png", "002.png"))
    assert told["held-out-elsewhere"] == (1, ("009.png",))
    assert told["different-masks"] == (1, ("005.png and 5-again.jpg",))
    for seed in range(12):
        split = gather(one, two, split_seed=seed, validation=0.3)
        held = {item.photo for item in split.validation}
        trained = {item.photo for item in split.items}
        assert not held & trained
        for n in (4, 5):
            both = {one / "images" / f"{n:03}.png", one / "images" / f"{n}-again.jpg"}
            assert both <= held or both <= trained


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.floats(0.01, 0.9), st.integers(0, 99))
def test_the_split_has_its_share_and_follows_the_seed(
    tmp_path_factory: pytest.TempPathFactory, count: int, share: float, seed: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"split{count}"
    if not folder.exists():
        pairs(folder, count)
    material = gather(folder, validation=share, split_seed=seed)
    again = gather(folder, validation=share, split_seed=seed)
    assert material == again
    assert len(material.validation) == max(1, round(share * count))
    assert len(material.items) + len(material.validation) == count


def test_every_nth_photo_can_be_held_out(tmp_path: Path) -> None:
    pairs(tmp_path / "mine", 25)
    table = SampleSet("mine", Path("mine"), 2.0, every=10)
    material = gather(tmp_path, sets=(table,))
    assert [item.photo.stem for item in material.validation] == ["000", "010", "020"]
    assert set(material.shares) == {2.0}
    with pytest.raises(OptionError, match="--share yours: is no set of the data"):
        gather(tmp_path, sets=(table,), share=("yours=1",))


def test_the_projects_layout_keeps_its_table(data: Path) -> None:
    material = gather(data)
    shares = {
        item.group: share for item, share in zip(material.items, material.shares, strict=True)
    }
    assert shares == {
        "picsart": 1.0, "ccp": 1.3, "vikram": 0.4, "pennfudan": 0.3, "idphoto": 0.15,
        "backgrounds": 1.5,
    }  # fmt: skip
    assert {item.group for item in material.validation} == {"picsart", "ccp"}
    assert {item.photo for item in material.validation} == {
        item.photo for item in list_held_out(data)
    }


def test_unlabeled_photos_count_where_a_teacher_made_a_matte(data: Path, tmp_path: Path) -> None:
    for n in range(4):
        rgb, mask = person(120 + n, 80, 9)
        write(tmp_path / "street" / f"{n}.png", rgb)
        if n % 2:
            write(tmp_path / "labels" / f"street_{n}.png", mask)
    table = SampleSet("street", tmp_path / "street", labels=tmp_path / "labels")
    both = gather(data, sets=(table, SampleSet("picsart", Path("people/picsart/train"))))
    assert [item.photo.stem for item in both.items if item.group == "street"] == ["1", "3"]


def test_too_few_photos_are_one_line(tmp_path: Path) -> None:
    pairs(tmp_path, 1)
    with pytest.raises(InputError, match="too few photos to train on and to validate with"):
        gather(tmp_path, skip_bad=True).refuse_errors()


@pytest.mark.parametrize("content", ["", "people/", "some.txt", "a.csv b.csv"])
def test_a_folder_of_something_else_is_one_line(tmp_path: Path, content: str) -> None:
    for name in content.split():
        path = tmp_path / name
        path.mkdir() if name.endswith("/") else path.write_text("photo,mask\n")
    with pytest.raises(InputError, match="holds") as caught:
        find_sets(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_check_command_lists_and_judges(tmp_path: Path) -> None:
    pairs(tmp_path / "mine", 8)
    run = CliRunner().invoke(train_app, ["check", "--data", str(tmp_path / "mine")])
    assert run.exit_code == 0, run.output
    assert "set mine: 7 photos to train on, 1 held out, images/ with masks/ in" in run.output
    (tmp_path / "mine" / "images" / "001.png").write_bytes(b"no picture")
    run = CliRunner().invoke(train_app, ["check", "--data", str(tmp_path / "mine"), "--json"])
    assert isinstance(run.exception, InputError)
    told = json.loads(run.output)
    assert told["sets"][0]["name"] == "mine"
    assert told["problems"][0] == {
        "severity": "error", "kind": "unreadable-photo", "set": "mine", "count": 1,
        "names": ["001.png"],
    }  # fmt: skip


def test_a_set_is_called_like_its_folder(tmp_path: Path) -> None:
    """Folders of photos are often called `photos`; `images` and `train` say nothing."""
    for name, called in (("photos", "photos"), ("mine/train", "mine"), ("cats/images", "cats")):
        pairs(tmp_path / name, 2)
        assert [one.name for one in find_sets(tmp_path / name)] == [called]


def test_few_photos_are_a_warning_unless_a_network_is_the_start(tmp_path: Path) -> None:
    pairs(tmp_path / "mine", 8)
    warnings = [one.kind for one in gather(tmp_path / "mine").problems]
    assert warnings == ["few"]
    assert not gather(tmp_path / "mine", start="matte").problems


def test_the_hint_about_the_extra_says_size_and_the_small_way() -> None:
    require_packages("json")
    with pytest.raises(MissingExtra) as caught:
        require_packages("json", "there_is_no_such_package")
    (line,) = str(caught.value).splitlines()
    assert line.startswith("training needs an extra: pip install 'depthmatte[train]' (6 GB on")
    (address,) = re.findall(r"--index-url (\S+)\)", line)
    for page in ("install.md", "howto/train.md"):
        text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
        assert "pip install 'depthmatte[train]'" in text
        assert address in text or "install.md#pytorch-for-training" in text


def test_samples_of_ones_own_photos_train_a_network(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    from depthmatte.training.loop import train
    from depthmatte.training.recipe import Recipe
    from depthmatte.training.tasks.matte import MatteSamples
    from depthmatte.training.tasks.task import MaterialOptions

    pairs(tmp_path / "mine", 8)
    cutouts(tmp_path / "mine" / "cutouts", 6)
    recipe = Recipe(
        "matte", (tmp_path / "mine",), tmp_path / "run", epochs=1, batch_size=2, preset=(64, 64),
        encoder="mobilenet", workers=1, threads=1, limit=2,
    )  # fmt: skip
    samples = MatteSamples.from_options(MaterialOptions.from_recipe(recipe))
    copy = pickle.loads(pickle.dumps(samples))
    for index, item in enumerate(samples.items):
        if item.is_cutout or index == 0:
            for landscape in (False, True):
                one, two = samples.sample((index, landscape, 3)), copy.sample((index, landscape, 3))
                assert np.array_equal(one["image"], two["image"])
                assert one["alpha"].max() > 0.5
    said: list[str] = []
    assert train(recipe, said.append).is_file()
    listed = [line for line in said if line.startswith("set mine-cutouts: ")]
    assert len(listed) == 1, said
    told = [int(word) for word in listed[0].replace(",", "").split() if word.isdigit()]
    assert sum(told) == 6  # some of them may be held out
    assert os.path.getsize(tmp_path / "run" / "last.pt") > 0


def test_a_photo_without_people_is_black(tmp_path: Path) -> None:
    path = write(tmp_path / "place.png", person(50, 40)[0])
    assert LabeledPhoto(path, None, "places").read()[1].max() == 0


def test_photos_left_out_by_name_change_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    pairs(folder, 8)
    one = SampleSet("mine", folder, format="pairs", every=4)
    name = sorted((folder / "images").iterdir())[1].stem
    whole, part = (
        gather_matte_material(SampleRequest((folder,), (chosen,)))
        for chosen in (one, replace(one, leave_out=(name,)))
    )
    assert len(part.items) == len(whole.items) - 1
    assert part.validation == whole.validation
    assert set(part.items) < set(whole.items)
