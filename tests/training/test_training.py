"""Training: samples keep photo and truth together, losses say what they should, export is exact."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")


pytest.importorskip("onnx", reason="needs the extra train")


from depthmatte.errors import InputError, MissingExtra  # noqa: E402
from depthmatte.evaluation.depth_metrics import outline_pairs  # noqa: E402
from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.training.data.sampler import (  # noqa: E402
    EpochBatches,
    RunBatches,
)
from depthmatte.training.data.splits import (  # noqa: E402
    list_backgrounds,
    list_matte_photos,
)
from depthmatte.training.export import (  # noqa: E402
    ModelCard,
    _command,
    _sources,
    export_checkpoint,
    export_onnx,
)
from depthmatte.training.exported.parity import PARITY_LIMITS  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.losses import (  # noqa: E402
    affine_invariant_l1,
    bin_cross_entropy,
    outline_band,
    pair_ranking_loss,
    soft_iou,
)
from depthmatte.training.networks.depth import (  # noqa: E402
    DEPTH_BINS,
    MonoDepthNetwork,
    expected_depth,
    probability_near,
)
from depthmatte.training.networks.encoders import (  # noqa: E402
    ENCODERS,
    load_imagenet_weights,
)
from depthmatte.training.networks.matte import PortraitNetwork  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.scenes.camera_view import FARTHEST_METERS  # noqa: E402
from depthmatte.training.scenes.depth_scenes import (  # noqa: E402
    log_depth,
)
from depthmatte.training.tasks.depth import (  # noqa: E402
    MAX_POINT_PAIRS,
)
from depthmatte.training.tasks.registry import TRAINING_TASKS  # noqa: E402
from depthmatte.training.weight_average import average_checkpoints  # noqa: E402
from training_data import use_small_checks  # noqa: E402

PRESET = (64, 64)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


def test_log_depth_on_hand_made_numbers() -> None:
    meters = np.array([[1.0, 10.0, 100.0]] * 50, np.float32)
    d = log_depth(meters)
    far = np.log(FARTHEST_METERS)
    assert d[0] == pytest.approx([0, np.log(10) / far, 1], abs=1e-5)
    flat = log_depth(np.full((4, 4), 3, np.float32))
    assert np.array_equal(flat, np.zeros((4, 4)))


def test_pair_order_costs_only_the_wrong_way_round() -> None:
    mask = np.zeros((64, 64), bool)
    mask[20:50, 20:40] = True
    pairs = outline_pairs(mask)
    table = np.zeros((1, MAX_POINT_PAIRS, 5), np.float32)
    count = min(MAX_POINT_PAIRS, len(pairs.inside))
    table[0, :count, :2] = (pairs.inside[:count] + 0.5) / 64
    table[0, :count, 2:4] = (pairs.outside[:count] + 0.5) / 64
    table[0, :count, 4] = 1
    right = torch.from_numpy(np.where(mask, 0.1, 0.9).astype(np.float32))[None, None]
    good = pair_ranking_loss(right, torch.from_numpy(table))
    bad = pair_ranking_loss(1 - right, torch.from_numpy(table))
    assert good < 1e-4
    assert bad == pytest.approx(0.86, abs=0.05)


def test_scale_shift_free_forgives_scale_and_shift_but_not_reversal() -> None:
    teacher = torch.rand(2, 1, 16, 16, generator=torch.manual_seed(0))
    weight = torch.ones_like(teacher)
    same = affine_invariant_l1(0.4 * teacher + 0.3, teacher, weight)
    reversed_map = affine_invariant_l1(-0.4 * teacher + 0.3, teacher, weight)
    assert same < 1e-5
    assert reversed_map > 0.08


def test_band_is_the_outline() -> None:
    truth = torch.zeros(1, 1, 40, 40)
    truth[..., 10:30, 10:30] = 1
    ring = outline_band(truth, 3)
    assert ring[0, 0, 20, 20] == 0
    assert ring[0, 0, 2, 2] == 0
    assert ring[0, 0, 10, 20] == 1
    assert ring[0, 0, 8, 20] == 1
    assert outline_band(torch.zeros(1, 1, 40, 40), 3).sum() == 0


def test_soft_iou_and_bins_on_hand_made_numbers() -> None:
    truth = torch.zeros(1, 1, 10, 10)
    truth[..., :5] = 1
    assert soft_iou(truth, truth) == pytest.approx(1 / 51, abs=1e-3)
    assert soft_iou(1 - truth, truth) == pytest.approx(1, abs=1e-3)
    logits = torch.full((1, DEPTH_BINS, 1, 1), -20.0)
    logits[:, 10] = 20
    assert expected_depth(logits).item() == pytest.approx(10 / (DEPTH_BINS - 1), abs=1e-4)
    assert probability_near(logits, expected_depth(logits)).item() == pytest.approx(1, abs=1e-4)
    even = torch.zeros(1, DEPTH_BINS, 1, 1)
    share = probability_near(even, torch.full((1, 1, 1, 1), 0.5)).item()
    assert share == pytest.approx((2 * 0.1 * (DEPTH_BINS - 1) + 1) / DEPTH_BINS, abs=0.04)
    d = torch.full((1, 1, 1, 1), 10 / (DEPTH_BINS - 1))
    assert bin_cross_entropy(logits, d, torch.ones_like(d)).item() < 1e-4
    assert bin_cross_entropy(logits, d + 0.2, torch.ones_like(d)).item() > 10


@pytest.mark.parametrize("family", sorted(ENCODERS))
def test_every_encoder_family_gives_five_strides(family: str) -> None:
    encoder = ENCODERS[family]().eval()
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 64, 96))
    sizes = [tuple(f.shape[2:]) for f in features]
    assert sizes == [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert tuple(f.shape[1] for f in features) == encoder.channels
    with torch.no_grad():
        assert MonoDepthNetwork(family).eval()(torch.zeros(1, 3, 64, 64)).shape[1] == DEPTH_BINS


def test_imagenet_start_fills_every_tensor() -> None:
    encoder = ENCODERS["lite0"]()
    before = encoder.state_dict()["stages.0.0.0.weight"].clone()
    try:
        load_imagenet_weights(encoder)
    except MissingExtra as error:
        pytest.skip(str(error))
    assert not torch.equal(before, encoder.state_dict()["stages.0.0.0.weight"])
    with pytest.raises(ValueError, match="do not fit"):
        load_imagenet_weights(ENCODERS["mobilenet"]())


@pytest.mark.parametrize("task", ["matte", "depth"])
def test_training_learns_resumes_and_exports(data: Path, tmp_path: Path, task: str) -> None:
    recipe = Recipe(
        task=task, data=data, out=tmp_path, epochs=2, batch_size=4, encoder="mobilenet",
        preset=PRESET, workers=0, limit=12, threads=1, learning_rate=1e-2,
    )  # fmt: skip
    said: list[str] = []
    train(Recipe(**{**vars(recipe), "epochs": 1}), report=said.append)
    last = train(recipe, report=said.append, resume=True)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert (tmp_path / "log.png").stat().st_size > 1000
    assert torch.load(last, weights_only=False)["epoch"] == 2

    shipped = tmp_path / f"{task}.onnx"
    parity = export_checkpoint(last, shipped, data=data)
    network = Network(shipped).require_task(task)
    assert network.contract.parity == pytest.approx(parity)
    assert "--encoder mobilenet" in network.contract.command
    assert network.contract.data
    if task == "depth":
        assert 0.5 <= network.contract.numbers["temperature"] <= 6
    outputs = network.run(np.full((1, 3, 96, 64), 0.5, np.float32))
    for value in outputs.values():
        assert value.shape == (1, 1, 96, 64)
        assert 0 <= value.min() <= value.max() <= 1


def test_exported_graph_equals_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = PortraitNetwork("mobilenet").eval()
    checkpoint = tmp_path / "last.pt"
    recipe = {"task": "matte", "encoder": "mobilenet"}
    torch.save({"recipe": recipe, "mean": network.state_dict()}, checkpoint)
    export_onnx(checkpoint, tmp_path / "m.onnx", ModelCard(license="test"))
    image = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    ours = Network(tmp_path / "m.onnx").run(image)
    with torch.no_grad():
        alpha, prob = TRAINING_TASKS["matte"].export(network, 1.0).eval()(torch.from_numpy(image))
    # float16 weights stand between; the float32 graph was held to PARITY_LIMITS by `export_onnx`.
    assert np.abs(ours["alpha"] - alpha.numpy()).max() < 100 * PARITY_LIMITS["float32"]
    assert np.abs(ours["prob"] - prob.numpy()).max() < 100 * PARITY_LIMITS["float32"]
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None, b"PK\x03\x04 torn"])
def test_a_bad_checkpoint_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "last.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"last\.pt: ") as caught:
        export_checkpoint(path, tmp_path / "out.onnx")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.onnx").exists()


def test_stops_when_the_loss_is_reached(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="matte", data=data, out=tmp_path, epochs=5, batch_size=2, encoder="mobilenet",
        preset=PRESET, workers=0, limit=1, threads=1, stop_loss=1e9,
    )  # fmt: skip
    said: list[str] = []
    train(recipe, report=said.append)
    assert said[-2].startswith("loss reached: least validation error ")
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 2


def test_stops_when_its_minutes_are_over(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="matte", data=data, out=tmp_path, epochs=5, batch_size=2, encoder="mobilenet",
        preset=PRESET, workers=0, passes=50, threads=1, minutes=0.02,
    )  # fmt: skip
    said: list[str] = []
    last = train(recipe, report=said.append)
    assert said[-2].startswith("time is up: ")
    state = torch.load(last, weights_only=True)
    assert (state["epoch"], state["finished"]) == (0, "")
    assert state["validated"] == state["step"] > 0


def test_epochs_follow_one_another_and_can_start_later() -> None:
    order = EpochBatches([1.0] * 20, 4, seed=3, epoch=0)
    plan = RunBatches(order, epochs=3, limit=2)
    assert [plan.count(epoch) for epoch in range(3)] == [2, 2, 2]
    keys = list(plan)
    assert len(keys) == 6
    assert keys[:2] == list(order)[:2]
    assert keys[4:] == list(replace(plan, first=2))
    for step in range(7):
        assert keys[step:] == list(replace(plan, first=step // 2, skip=step % 2))


def test_missing_data_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give the data folder"):
        list_matte_photos(tmp_path)
    with pytest.raises(InputError, match="backgrounds: is no folder; give the data folder"):
        list_backgrounds(tmp_path, "train")


def test_the_card_names_a_teacher_only_where_there_was_one() -> None:
    recipe = {"task": "matte", "epochs": 4, "strength": 0.4, "preset": [64, 96]}
    assert not any("MODNet" in line for line in _sources(recipe))
    assert any("MODNet" in line for line in _sources(recipe | {"labels": "work/mattes"}))
    words = _command(recipe | {"labels": "work/mattes", "start": "last.pt"})
    assert words == (
        "depthmatte train matte --epochs 4 --preset 64x96 --start (an earlier run) "
        "--labels (of train labels) --strength 0.4"
    )


def test_shipped_networks_carry_their_story() -> None:
    from depthmatte.networks import registry

    for name in ("matte", "depth"):
        network = Network(registry.NETWORKS_FOLDER / f"{name}.onnx", threads=1)
        contract = network.contract
        assert contract.license == "Apache-2.0"
        assert contract.command.startswith("depthmatte train")
        assert contract.data
        assert contract.parity is not None
        assert contract.parity < 0.01
        assert json.dumps(dict(contract.numbers))


def test_mix_is_the_weighted_mean(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.pt" for name in "ab"]
    for path, value in zip(paths, (1.0, 5.0), strict=True):
        mean = {"w": torch.full((3,), value), "count": torch.tensor(int(value))}
        torch.save({"recipe": {"task": "matte"}, "mean": mean}, path)
    state = torch.load(
        average_checkpoints(paths, (1, 3), tmp_path / "new" / "m.pt"), weights_only=True
    )
    assert state["mean"]["w"].tolist() == [4.0] * 3
    assert state["mean"]["count"] == 5
    with pytest.raises(InputError, match="one positive number"):
        average_checkpoints(paths, (1,), tmp_path / "m.pt")
