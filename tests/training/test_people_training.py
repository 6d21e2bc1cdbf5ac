"""The network of people learns from scenes of groups: targets, loss, validation and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")


from depthmatte.errors import InputError  # noqa: E402
from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.subjects.head_votes import HeadVotes  # noqa: E402
from depthmatte.training.data.assets import Assets  # noqa: E402
from depthmatte.training.data.folders import list_labeled  # noqa: E402
from depthmatte.training.export import export_checkpoint  # noqa: E402
from depthmatte.training.exported.held_out import calibration_inputs, measure_quality  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.networks.encoders import ENCODERS  # noqa: E402
from depthmatte.training.networks.people import (  # noqa: E402
    VOTE_REACH_PX,
    PeopleExport,
    PeopleLogits,
    PeopleNetwork,
)
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.run import make_start_network  # noqa: E402
from depthmatte.training.scenes.group_scenes import Head, draw_group_scene, find_top  # noqa: E402
from depthmatte.training.tasks import people  # noqa: E402
from depthmatte.training.tasks.people import (  # noqa: E402
    PeopleSamples,
    draw_held_out_groups,
    draw_targets,
    measure_panoptic_quality,
    panoptic_quality,
    people_loss,
)
from depthmatte.training.tasks.registry import TRAINING_TASKS  # noqa: E402
from depthmatte.training.tasks.task import MaterialOptions  # noqa: E402
from training_data import lay_out, use_small_checks  # noqa: E402

PRESET = (96, 64)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)
    monkeypatch.setattr(people, "_VALIDATION_SCENES", 4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def assets(data: Path) -> Assets:
    return Assets.for_groups(data, "train", list_labeled(data, "ccp"))


def test_scenes_repeat_and_every_pixel_has_one_owner(assets: Assets) -> None:
    counts = set()
    for seed in range(12):
        scene = draw_group_scene(np.random.default_rng(seed), assets, (96, 128))
        again = draw_group_scene(np.random.default_rng(seed), assets, (96, 128))
        assert scene.rgb.shape == (96, 128, 3)
        assert scene.rgb.dtype == np.uint8
        assert scene.owner.shape == (96, 128)
        assert (scene.rgb == again.rgb).all()
        assert (scene.owner == again.owner).all()
        assert scene.owner.min() >= 0
        assert scene.owner.max() <= len(scene.heads)
        counts.add(len(scene.heads))
    assert len(counts) > 2


def test_people_show_the_colors_of_their_cutouts(assets: Assets) -> None:
    shown = 0
    for seed in range(12):
        scene = draw_group_scene(np.random.default_rng(seed), assets, (96, 128))
        inside, outside = scene.owner > 0, scene.owner == 0
        if inside.any() and outside.any():
            red = scene.rgb[..., 0].astype(int) - scene.rgb[..., 1]
            shown += red[inside].mean() > red[outside].mean() + 40
    assert shown >= 9


def test_groups_share_no_cutout_with_held_out_ones(data: Path) -> None:
    sides = [Assets.for_groups(data, split, []) for split in ("train", "test")]
    for kind in ("cutouts", "objects", "backgrounds"):
        train_files, test_files = (set(getattr(side, kind)) for side in sides)
        assert train_files
        assert test_files
        assert not train_files & test_files
    several = list_labeled(data, "vikram")
    assert Assets.for_groups(data, "train", several).people == []


def test_the_top_of_an_outline_stands_for_a_head() -> None:
    outline = np.zeros((50, 40), bool)
    outline[10:40, 8:24] = True
    head = find_top(outline)
    assert head.x == pytest.approx(16)
    assert 10 < head.y < 16
    assert 0 < head.radius < 10


def test_exact_targets_give_the_people_back() -> None:
    owner = np.zeros((96, 128), np.int32)
    owner[20:90, 10:50], owner[30:96, 36:70], owner[0:60, 100:128] = 1, 2, 3
    heads = [Head(30, 26, 6), Head(53, 38, 6), Head(140, -20, 8)]  # the last one is cut off
    targets = draw_targets(owner, heads)
    assert targets["head"].shape == (1, 24, 32)
    assert (targets["head"] == 1).sum() == 3
    assert targets["vote"].shape == (2, 24, 32)

    def large(plane: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(plane, 4, axis=-2), 4, axis=-1)

    votes = HeadVotes(
        (owner > 0).astype(np.float32),
        large(targets["head"][0]),
        large(targets["vote"]) * np.float32(VOTE_REACH_PX),
    )
    label = votes.assign(owner > 0)
    found = [label == number for number in np.unique(label[label > 0])]
    total, count = panoptic_quality(found, [owner == number for number in (1, 2, 3)])
    assert count == 3
    assert total / count > 0.93


def test_panoptic_quality_counts_the_found_and_the_missed() -> None:
    one, other = np.zeros((4, 8), bool), np.zeros((4, 8), bool)
    one[:, :4], other[:, 4:] = True, True
    assert panoptic_quality([one, other], [one, other]) == (2.0, 2.0)
    assert panoptic_quality([one], [one, other]) == (1.0, 1.5)
    assert panoptic_quality([one, other], [one]) == (1.0, 1.5)
    assert panoptic_quality([one | other], [one, other]) == (0.0, 1.5)


def test_samples_repeat_and_have_their_shapes(data: Path) -> None:
    samples = PeopleSamples.from_options(MaterialOptions(data, PRESET))
    assert len(samples.shares) > len(samples.items) > 0
    groups = {item.group for item in samples.items}
    assert "vikram" in groups
    for group in ("ccp", "vikram", None):
        index = next(
            (i for i, item in enumerate(samples.items) if item.group == group), len(samples.items)
        )
        for landscape in (False, True):
            sample = samples.sample((index, landscape, 5))
            again = samples.sample((index, landscape, 5))
            shape = PRESET[::-1] if landscape else PRESET
            cells = (shape[0] // 4, shape[1] // 4)
            assert sample["image"].shape == (3, *shape)
            assert sample["person"].shape == sample["person_weight"].shape == (1, *shape)
            assert sample["head"].shape == sample["head_weight"].shape == (1, *cells)
            assert sample["vote"].shape == (2, *cells)
            assert all((sample[name] == again[name]).all() for name in sample)
            assert all(value.dtype == np.float32 for value in sample.values())
        if group == "vikram":  # nothing is known of heads
            assert not sample["head_weight"].any()
            assert not sample["vote_weight"].any()
        else:
            assert sample["head_weight"].any()


def test_the_right_answer_costs_least() -> None:
    owner = np.zeros((64, 64), np.int32)
    owner[10:60, 6:30], owner[20:60, 34:60] = 1, 2
    targets = draw_targets(owner, [Head(18, 16, 5), Head(46, 26, 5)])
    person = (owner > 0).astype(np.float32)[None, None]
    batch = {name: torch.from_numpy(value[None]) for name, value in targets.items()}
    batch |= {
        "person": torch.from_numpy(person),
        "person_weight": torch.ones(1, 1, 64, 64),
        "head_weight": torch.ones(1, 1, 16, 16),
    }
    half = torch.nn.functional.avg_pool2d(batch["person"], 2)
    right = PeopleLogits(
        20 * (half - 0.5), torch.logit(batch["head"].clamp(1e-4, 1 - 1e-4)), batch["vote"]
    )
    costs = people_loss(right, batch)
    assert costs["votes"] == 0
    for wrong in (
        right._replace(person=-right.person),
        right._replace(head=torch.zeros_like(right.head)),
        right._replace(vote=right.vote + 0.5),
    ):
        worse = people_loss(wrong, batch)
        assert sum(worse.values()) > 2 * sum(costs.values())


@pytest.mark.parametrize("encoder", list(ENCODERS))
def test_every_encoder_gives_four_maps(encoder: str) -> None:
    network = PeopleNetwork(encoder).eval()
    with torch.no_grad():
        maps = PeopleExport(network)(torch.rand(1, 3, 64, 96))
    assert [tuple(one.shape) for one in maps] == [(1, 1, 64, 96)] * 4
    assert all(one.min() >= 0 and one.max() <= 1 for one in maps[:2])


def test_the_encoder_of_the_portrait_network_is_a_start(data: Path) -> None:
    recipe = Recipe(task="people", data=(data,), start="matte", preset=PRESET)
    started = make_start_network(recipe, TRAINING_TASKS["people"]).state_dict()
    chance = make_start_network(
        Recipe(task="people", data=(data,), imagenet=False, preset=PRESET), TRAINING_TASKS["people"]
    ).state_dict()
    name = "encoder.stages.0.0.0.weight"
    assert not torch.equal(started[name], chance[name])
    assert torch.equal(started["head_branch.1.bias"], chance["head_branch.1.bias"])
    with pytest.raises(InputError, match="is no people network"):
        make_start_network(
            Recipe(task="people", data=(data,), start="depth", preset=PRESET),
            TRAINING_TASKS["people"],
        )


def test_a_run_learns_and_is_exported(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="people", data=(data,), out=tmp_path / "run", steps=12, batch_size=4,
        encoder="mobilenet", preset=PRESET, workers=0, threads=1, learning_rate=3e-3,
        ema_decay=0.8, strength=0.2,
    )  # fmt: skip
    lines: list[str] = []
    checkpoint = train(recipe, lines.append)
    rows = [float(line.split("loss ")[1].split()[0]) for line in lines if "  loss " in line]
    assert rows[-1] < 0.95 * rows[0]
    file = tmp_path / "people.onnx"
    export_checkpoint(checkpoint, file, "a test")
    network = Network(file).require_task("people")
    assert tuple(network.contract.outputs) == PeopleExport.outputs
    assert 0 <= measure_quality(network, data).value <= 1
    inputs = list(calibration_inputs("people", data))
    assert inputs
    assert inputs[0].shape[1] == 3
    scenes = list(draw_held_out_groups(data, list_labeled(data, "ccp")[:4], PRESET, 1, 2))

    def exact(image: np.ndarray) -> HeadVotes:
        scene = next(one for one in scenes if one.owner.shape == image.shape[1:])
        targets = draw_targets(scene.owner, scene.heads)
        head, vote = (
            np.repeat(np.repeat(targets[name], 4, axis=-2), 4, axis=-1) for name in ("head", "vote")
        )
        person = (scene.owner > 0).astype(np.float32)
        return HeadVotes(person, head[0], vote * np.float32(VOTE_REACH_PX))

    assert measure_panoptic_quality(exact, scenes) > 0.8


def test_without_held_out_people_there_are_no_scenes(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backgrounds").symlink_to(data / "backgrounds")
    with pytest.raises(InputError, match="no people are held out"):
        list(draw_held_out_groups(tmp_path, [], PRESET, 1, 1))
