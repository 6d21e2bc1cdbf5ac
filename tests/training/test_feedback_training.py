"""The feedback loop, end to end: adoption, refusal, rollback; and the parts that decide."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from depthmatte.cli.app import app
from depthmatte.errors import InputError
from depthmatte.feedback.store import store_sample
from depthmatte.networks import registry
from depthmatte.networks.adopted import adopted_folder, read_report
from depthmatte.networks.network import Network
from depthmatte.system.folder_lock import folder_lock
from depthmatte.training.data.folders import LabeledPhoto
from depthmatte.training.data.sampler import EpochBatches
from depthmatte.training.exported.parity import PARITY_LIMITS
from depthmatte.training.feedback.decision import PairedScores, decide_adoption
from depthmatte.training.feedback.material import (
    ReplayMaterial,
    label_replay_photos,
    mix_samples,
    read_replay,
    split_feedback,
)
from depthmatte.training.feedback.options import FeedbackRecipe
from depthmatte.training.feedback.training import FeedbackOutcome, train_on_feedback
from known_people import COMPOSITES
from training_data import use_small_checks

SHIPPED = registry.NETWORKS_FOLDER / "matte.onnx"


def figure(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A red shape on blurred noise, which the shipped network does not see, and its mask."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(90, 130)), int(rng.integers(60, 90))
    rgb = cv2.resize(rng.integers(0, 120, (9, 7, 3), np.uint8), (columns, rows))
    mask = np.zeros((rows, columns), np.uint8)
    center = (int(rng.integers(columns // 3, 2 * columns // 3)), rows)
    cv2.ellipse(mask, center, (columns // 4, rows * 3 // 5), 0, 0, 360, 255, -1)
    rgb[mask > 0] = np.array((230, 40, 30)) + rng.integers(-10, 10, 3)
    return rgb, mask


def write_pairs(root: Path, seeds: range) -> Path:
    """Figures with their masks, as a folder of one's own."""
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for seed in seeds:
        rgb, mask = figure(seed)
        cv2.imwrite(str(root / "images" / f"{seed:03}.png"), rgb[..., ::-1])
        cv2.imwrite(str(root / "masks" / f"{seed:03}.png"), mask)
    return root


def fill_store(store: Path, seeds: range, inverted: bool = False) -> Path:
    for seed in seeds:
        rgb, mask = figure(seed)
        photo = cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
        store_sample(photo, 255 - mask if inverted else mask, store=store)
    return store


@dataclass
class Loop:
    """A user's feedback loop in a home of its own, with small and few steps."""

    home: Path
    options: FeedbackRecipe
    told: list[str]

    def train(self, store: Path, **changes: object) -> FeedbackOutcome:
        self.told.clear()
        options = replace(self.options, store=store, **changes)  # type: ignore[arg-type]
        return train_on_feedback(options, self.told.append)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    home = tmp_path_factory.mktemp("home")
    data = write_pairs(home / "old", range(100, 110))
    options = FeedbackRecipe(
        data=(str(data),),
        replay=0.5,
        steps=12,
        batch_size=4,
        learning_rate=1.5e-3,
        preset=(96, 64),
        strength=0.3,
        threads=1,
        workers=0,
    )
    with pytest.MonkeyPatch.context() as patch:
        use_small_checks(patch)
        # Ten large steps leave weights for which half precision is coarser than for real ones.
        patch.setitem(PARITY_LIMITS, "float16-weights", 0.1)
        patch.setenv("DEPTHMATTE_HOME", str(home / "user"))
        yield Loop(home, options, [])


@pytest.fixture(scope="module")
def adopted(loop: Loop) -> FeedbackOutcome:
    """Feedback that agrees with the old data, and that the shipped network gets wrong."""
    return loop.train(fill_store(loop.home / "helpful", range(6)))


def test_helpful_feedback_is_adopted(loop: Loop, adopted: FeedbackOutcome) -> None:
    assert adopted.decision.adopted
    assert adopted.network is not None
    report = read_report("matte", adopted.network.number)
    assert report["adopted"] is True
    assert report["start"]["sha256"] == registry.NETWORKS["matte"].expected_sha256
    assert report["feedback_held_out"] is True
    assert report["feedback"]["gain"] > 0.2
    assert report["kept"]["gain"] >= -loop.options.tolerance
    assert len(report["kept"]["scores"]) == report["kept"]["photos"] > 0
    held = set(report["material"]["held_out"])
    assert 0 < len(held) < 6
    assert registry.network_path("matte") == adopted.network.file
    contract = Network(adopted.network.file, threads=1).require_task("matte").contract
    assert contract.command == "train matte --feedback"
    left = {one.name for one in adopted_folder("matte").iterdir()}
    assert left <= {"001", "current.json", ".lock", ".training"}


def test_the_same_feedback_is_not_learned_twice(loop: Loop, adopted: FeedbackOutcome) -> None:
    again = loop.train(loop.home / "helpful")
    assert again.network is None
    assert "no feedback is new" in loop.told[0]


def test_feedback_that_contradicts_everything_is_kept_aside_and_rolled_back(
    loop: Loop, adopted: FeedbackOutcome
) -> None:
    store = fill_store(loop.home / "inverted", range(6), inverted=True)
    refused = loop.train(store, replay=0.0)
    assert not refused.decision.adopted
    assert "kept photos got worse" in refused.decision.reasons[0]
    assert loop.told[-2].startswith("kept aside: kept photos got worse")
    assert adopted.network is not None
    assert refused.network is not None
    assert refused.network.file.is_file()
    assert read_report("matte", refused.network.number)["adopted"] is False
    # It started from the adopted network, which is still the current one.
    start = read_report("matte", refused.network.number)["start"]
    assert start["sha256"] == adopted.network.sha256
    assert registry.network_path("matte") == adopted.network.file

    done = CliRunner().invoke(app, ["feedback", "rollback"])
    assert (done.exit_code, done.stdout) == (0, "matte: shipped\n")
    assert registry.network_path("matte") == SHIPPED


def test_without_old_data_mattes_of_other_photos_are_replayed(loop: Loop) -> None:
    """A step of no size changes nothing: the mattes agree, and the feedback is no better."""
    pytest.importorskip("skimage", reason="needs the extra demo")
    photos = loop.home / "others"
    photos.mkdir()
    for name, make in COMPOSITES.items():  # people, of whom the network is sure
        cv2.imwrite(str(photos / f"{name}.png"), make().rgb[..., ::-1])
    store = fill_store(loop.home / "few", range(300, 303))
    outcome = loop.train(store, data=(), replay_photos=photos, steps=1, learning_rate=0.0)
    assert outcome.network is not None
    report = read_report("matte", outcome.network.number)
    assert report["kept"]["photos"] == 0
    assert report["agreement"]["after"] > 0.97
    assert report["feedback_held_out"] is False
    assert any("it is judged on what was trained" in line for line in loop.told)
    assert any(str(photos) in line for line in loop.told if line.startswith("replay"))


def test_a_network_that_cannot_be_exported_leaves_its_report(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARITY_LIMITS, "float32", -1.0)
    store = fill_store(loop.home / "single", range(400, 401))
    outcome = loop.train(store, steps=1)
    assert outcome.network is not None
    report = read_report("matte", outcome.network.number)
    assert report["adopted"] is False
    assert report["reasons"][0].startswith("it cannot be exported: matte: the float32 file")
    done = CliRunner().invoke(app, ["networks", "use", "matte", str(outcome.network.number)])
    assert done.exit_code == 1
    assert "is missing; choose another number" in done.stderr


def test_two_runs_never_train_at_once(loop: Loop) -> None:
    home = adopted_folder("matte")
    home.mkdir(parents=True, exist_ok=True)
    with (
        folder_lock(home, ".training"),
        pytest.raises(InputError, match="another training on feedback is running; wait"),
    ):
        loop.train(loop.home / "helpful")


def test_an_empty_store_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["train", "matte", "--feedback", "--quiet"])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.strip().endswith("holds no feedback; add some with depthmatte feedback add")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_file_is_named(loop: Loop, tmp_path: Path) -> None:
    store = fill_store(tmp_path / "store", range(2))
    next((store / "masks").iterdir()).unlink()
    with pytest.raises(InputError, match=r"a file of sample \w+ is missing.*feedback remove"):
        loop.train(store)
    with pytest.raises(InputError, match="gone: is no folder; give the data folder"):
        loop.train(fill_store(tmp_path / "whole", range(2)), data=(str(tmp_path / "gone"),))


def test_labels_of_the_current_network_are_written(tmp_path: Path) -> None:
    photos = write_pairs(tmp_path / "photos", range(2)) / "images"
    network = Network(SHIPPED, threads=1)
    items = label_replay_photos(photos, network, tmp_path / "mattes")
    assert [one.photo.name for one in items] == ["000.png", "001.png"]
    for one in items:
        rgb, mask = one.read()
        assert mask.shape == rgb.shape[:2]
    with pytest.raises(InputError, match="holds no photos; give a folder as --replay-photos"):
        label_replay_photos(tmp_path / "gone", network, tmp_path)


def test_near_duplicates_are_held_out_together(tmp_path: Path) -> None:
    items = []
    for seed in range(8):
        rgb = cv2.resize(figure(seed)[0], (256, 320))
        for name, picture in (("a", rgb), ("b", cv2.resize(rgb, (200, 250)))):
            path = tmp_path / f"{seed}{name}.png"
            cv2.imwrite(str(path), picture)
            items.append(LabeledPhoto(path, None, "feedback"))
    trained, held = split_feedback(items)
    assert Counter(trained + held) == Counter(items)
    assert 0 < len(held) <= len(items) // 2
    assert {one.photo.name[0] for one in held}.isdisjoint(one.photo.name[0] for one in trained)
    assert split_feedback(items[::-1])[1] != []
    assert {one.photo for one in split_feedback(items[::-1])[1]} == {one.photo for one in held}
    assert split_feedback(items[:4]) == (items[:4], [])


@given(st.floats(0, 0.95), st.integers(1, 40), st.integers(0, 60), st.integers(1, 16))
def test_replay_takes_its_share(share: float, ours: int, old: int, batch: int) -> None:
    feedback = [LabeledPhoto(Path(f"{index}.png"), None, "feedback") for index in range(ours)]
    replay = ReplayMaterial(
        [LabeledPhoto(Path(f"old{index}.png"), None, "old") for index in range(old)],
        [1.0 + index % 3 for index in range(old)],
    )
    options = FeedbackRecipe(replay=share, batch_size=batch)
    count = 200 * batch
    samples = mix_samples(feedback, replay, options, count)
    expected = sum(samples.shares[ours:]) / sum(samples.shares)
    assert math.isclose(expected, share if old else 0, abs_tol=1e-9)
    assert len(EpochBatches(samples.shares, batch, 0, 0)) >= 200


def scores(before: list[float], gain: float) -> PairedScores:
    after = tuple(one + gain for one in before)
    return PairedScores(tuple(map(str, range(len(before)))), tuple(before), after)


some = st.lists(st.floats(0, 1), min_size=1, max_size=8)


@given(some, some, st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_adoption_needs_gain_and_no_loss(
    kept: list[float], feedback: list[float], change: float, gain: float
) -> None:
    none = PairedScores((), (), ())
    pairs, ours = scores(kept, change), scores(feedback, gain)
    decision = decide_adoption(pairs, none, ours, 0.002, 0.97)
    assert decision.adopted == (pairs.gain >= -0.002 and ours.gain > 0)
    assert decision.reasons
    assert not decide_adoption(none, none, ours, 0.002, 0.97).adopted
    assert json.loads(json.dumps(pairs.to_json()))["photos"] == len(kept)


def test_a_network_that_forgot_other_photos_is_not_adopted() -> None:
    none, better = PairedScores((), (), ()), scores([0.5], 0.1)
    assert decide_adoption(none, scores([1.0, 1.0], -0.02), better, 0.002, 0.97).adopted
    refused = decide_adoption(none, scores([1.0, 1.0], -0.04), better, 0.002, 0.97)
    assert refused.reasons == (
        "mattes of other photos changed: IoU 0.9600 with the current network's, less than 0.97",
    )


def test_a_project_folder_keeps_its_own_validation_photos(data: Path) -> None:
    replay = read_replay([str(data)])
    assert {one.group for one in replay.kept} == {"picsart", "ccp"}
    assert not {one.photo for one in replay.kept} & {one.photo for one in replay.items}
    assert len(replay.items) == len(replay.shares)
    assert replay.backgrounds
