"""The parts network learns from a teacher's labels: views, samples, loss, validation and export."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")


from depthmatte.errors import InputError, MissingExtra, OptionError  # noqa: E402
from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.training.data.folders import LabeledPhoto, label_file  # noqa: E402
from depthmatte.training.export import export_checkpoint  # noqa: E402
from depthmatte.training.exported.held_out import calibration_inputs, measure_quality  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.networks.encoders import ENCODERS  # noqa: E402
from depthmatte.training.networks.parts import PartsExport, PartsNetwork  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.tasks.augmentation import EdgeErrors  # noqa: E402
from depthmatte.training.tasks.parts import (  # noqa: E402
    PartSamples,
    err_at_edge,
    measure_part_ious,
    part_cases,
    parts_loss,
    parts_validator,
)
from depthmatte.training.tasks.parts_labels import (  # noqa: E402
    SelfieMulticlass,
    label_parts,
    list_part_photos,
    read_part_label,
    write_part_labels,
)
from depthmatte.training.tasks.task import MaterialOptions  # noqa: E402
from depthmatte.values import PART_NAMES  # noqa: E402
from training_data import lay_out, person, use_small_checks  # noqa: E402

PRESET = (96, 64)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


def by_color(rgb: np.ndarray) -> np.ndarray:
    """A teacher: dark is background, of a person the upper half is hair, the lower one clothes.

    It knows the halves by green: the photos of these tests are greener below.
    """
    seen = cv2.resize(rgb, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    answer = np.zeros((6, 64, 64), np.float32)
    is_person, is_low = seen[..., 0] > 0.6, seen[..., 1] > 0.5
    answer[0], answer[1], answer[4] = ~is_person, is_person & ~is_low, is_person & is_low
    return answer


def halves(rows: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A person whose lower half is yellow instead of red."""
    rgb, mask = person(rows, columns, seed)
    low = np.zeros_like(mask)
    low[rows * 5 // 8 :] = 1
    rgb[(mask > 0) & (low > 0)] = (230, 220, 30)
    return rgb, mask


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = lay_out(tmp_path_factory.mktemp("data"))
    for group in ("picsart", "ccp"):
        for index in range(22):
            rgb, _ = halves(100 + index, 60, index)
            file = root / "people" / group / "train" / "images" / f"{index:03}.png"
            cv2.imwrite(str(file), rgb[..., ::-1])
    return root


@pytest.fixture(scope="module")
def labels(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    photos = list_part_photos(data, ("picsart", "ccp"))
    assert write_part_labels(photos, by_color, folder) == 44
    assert write_part_labels(photos, by_color, folder) == 0
    return folder


def options(data: Path, labels: Path | None) -> MaterialOptions:
    return MaterialOptions(data, PRESET, labels, 0.5)


@pytest.mark.parametrize("shape", [(120, 70), (70, 120), (900, 500)])
def test_views_of_a_teacher_give_shares_that_add_up(shape: tuple[int, int]) -> None:
    rgb, mask = halves(*shape)
    maps = label_parts(rgb, mask, by_color)
    assert maps.shape[0] == len(PART_NAMES)
    assert max(maps.shape[1:]) == min(384, max(shape))
    assert maps.min() >= 0
    assert maps.sum(axis=0).max() <= 1 + 1e-4
    size = maps.shape[2], maps.shape[1]
    inner = cv2.erode(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.ones((9, 9)))
    rows = np.arange(size[1])[:, None] / size[1]
    hair, clothes = (inner > 0) & (rows < 0.56), (inner > 0) & (rows > 0.68)
    assert maps[0][hair].mean() > 0.9
    assert maps[3][clothes].mean() > 0.9


def test_what_a_teacher_misses_inside_a_person_is_not_known() -> None:
    rgb, mask = halves(200, 140)
    rgb[110:150, 55:85] = (20, 20, 20)
    known = label_parts(rgb, mask, by_color).sum(axis=0)
    assert known[120:140, 62:78].mean() < 0.2
    assert known[160:190, 62:78].mean() > 0.9
    truth = torch.zeros(1, 5, 8, 8)
    truth[:, 1, :4] = 1  # the lower half is not known
    right = (truth * 2 - 1) * 12
    known = truth.sum(1, keepdim=True)
    batch = {"alpha": torch.ones(1, 1, 8, 8), "parts": truth, "weight": known}
    below = torch.cat([right[:, :, :4], -right[:, :, 4:].roll(1, 1)], 2)
    assert sum(parts_loss(below, batch).values()) == sum(parts_loss(right, batch).values())


def test_a_label_is_read_as_it_was_written(data: Path, labels: Path) -> None:
    item = list_part_photos(data, ("ccp",))[3]
    maps = read_part_label(label_file(labels, item.photo, ".png"))
    expected = label_parts(*item.read(), by_color)
    assert np.abs(maps / 255 - expected).max() <= 0.5 / 255 + 1e-6


def test_what_is_no_label_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((7, 4), np.uint8))
    with pytest.raises(InputError, match=r"a\.png: is no label of 5 parts; make it with"):
        read_part_label(tmp_path / "a.png")
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((9, 9, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "m.png"), np.zeros((9, 9), np.uint8))
    empty = LabeledPhoto(tmp_path / "b.png", tmp_path / "m.png", "g")
    assert write_part_labels([empty], by_color, tmp_path / "out") == 0


def test_a_teacher_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "t.tflite"
    file.write_bytes(b"no network")
    with pytest.raises((InputError, MissingExtra)) as caught:
        SelfieMulticlass(file)
    assert "\n" not in str(caught.value)


def test_samples_keep_photo_and_truth_together(data: Path, labels: Path) -> None:
    samples = PartSamples.from_options(options(data, labels))
    assert {item.group for item in samples.items} <= {"picsart", "ccp"}
    assert len(samples.shares) == len(samples.items)
    for index in range(6):
        for landscape in (False, True):
            sample = samples.sample((index, landscape, 7 + index))
            again = samples.sample((index, landscape, 7 + index))
            assert all(np.array_equal(sample[name], again[name]) for name in sample)
            shape = (32, 48) if landscape else (48, 32)
            assert sample["image"].shape == (4, *shape)
            assert sample["parts"].shape == (5, *shape)
            np.testing.assert_allclose(sample["weight"], sample["parts"].sum(0)[None], atol=1e-5)
            sure = sample["alpha"][0] > 0.99
            assert sample["parts"].sum(axis=0).max() <= 1.02
            assert sample["parts"].sum(axis=0)[sure].mean() > 0.7
            red, green = sample["image"][0][sure], sample["image"][1][sure]
            hair, clothes = sample["parts"][0][sure], sample["parts"][3][sure]
            if (hair > 0.9).any() and (clothes > 0.9).any():
                ratio = green / np.maximum(red, 1e-3)
                assert ratio[hair > 0.9].mean() < ratio[clothes > 0.9].mean()


def test_labels_are_needed(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="labels: train parts needs a teacher's labels"):
        PartSamples.from_options(options(data, None))
    with pytest.raises(InputError, match="holds no labels of these photos"):
        PartSamples.from_options(options(data, tmp_path))


def test_the_edge_errs_a_little() -> None:
    alpha = np.zeros((64, 48), np.float32)
    alpha[16:48, 12:36] = 1
    exact = err_at_edge(np.random.default_rng(0), alpha, EdgeErrors(0.0, (0.0, 0.0)))
    np.testing.assert_array_equal(exact, alpha)
    for seed in range(8):
        seen = err_at_edge(np.random.default_rng(seed), alpha, EdgeErrors(1.0, (0.0, 1.0)))
        assert 0 <= seen.min() <= seen.max() <= 1
        assert seen[32, 24] > 0.99
        assert seen[2, 2] < 0.01
        assert 0.5 * alpha.sum() < seen.sum() < 2 * alpha.sum()


def test_the_loss_counts_the_person_only() -> None:
    truth = torch.zeros(1, 5, 8, 8)
    truth[:, 1, :4], truth[:, 3, 4:] = 1, 1
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., :4] = 1
    batch = {"alpha": alpha, "parts": truth, "weight": truth.sum(1, keepdim=True)}
    right = (truth * 2 - 1) * 12
    good = parts_loss(right, batch)
    assert sum(good.values()) < 1e-3
    beside = torch.where(alpha > 0, right, -right)
    assert sum(parts_loss(beside, batch).values()) < 1e-3
    wrong = parts_loss(-right, batch)
    assert wrong["shares"] > 5
    assert wrong["overlap"] > good["overlap"] + 0.1


def test_agreement_is_counted_by_part() -> None:
    image = np.zeros((4, 2, 4), np.float32)
    truth = np.array([[0, 0, 1, -1], [3, 3, 3, -1]])
    guess = np.array([[0, 1, 1, 2], [3, 3, 3, 2]])
    answer = np.eye(5, dtype=np.float32)[guess].transpose(2, 0, 1)
    found = measure_part_ious(lambda _: answer, iter([(image, truth)]))
    assert found == {"hair": 0.5, "face_skin": 0.5, "clothes": 1.0}


@pytest.mark.parametrize("encoder", list(ENCODERS))
def test_every_encoder_gives_shares_that_add_up(encoder: str) -> None:
    network = PartsNetwork(encoder).eval()
    with torch.no_grad():
        shares = PartsExport(network)(torch.rand(1, 4, 48, 32))
    assert [tuple(one.shape) for one in shares] == [(1, 1, 48, 32)] * 5
    assert torch.allclose(sum(shares), torch.ones(1, 1, 48, 32), atol=1e-5)


def test_a_run_learns_and_is_exported(data: Path, labels: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="parts", data=(data,), out=tmp_path / "run", labels=labels, steps=24, batch_size=4,
        encoder="mobilenet", preset=PRESET, workers=0, threads=1, learning_rate=3e-3,
        ema_decay=0.8, landscape=0.0, strength=0.2,
    )  # fmt: skip
    validate = parts_validator(MaterialOptions.from_recipe(recipe))
    torch.manual_seed(0)
    before = validate(PartsNetwork("mobilenet"))
    lines: list[str] = []
    checkpoint = train(recipe, lines.append)
    file = tmp_path / "parts.onnx"
    export_checkpoint(checkpoint, file, "a test", labels=labels)
    network = Network(file).require_task("parts")
    assert network.contract.channels == 4
    assert network.contract.multiple == 16
    assert tuple(network.contract.outputs) == PART_NAMES
    assert "MediaPipe" in network.contract.teacher
    items = PartSamples.from_options(options(data, labels)).items

    def answer(image: np.ndarray) -> np.ndarray:
        found = network.run(image[None])
        return np.stack([found[name][0, 0] for name in PART_NAMES])

    cases = part_cases(items[:8], labels, (48, 32))
    after = measure_part_ious(answer, cases)
    assert np.mean(list(after.values())) > 1 - before
    with pytest.raises(OptionError, match="parts are measured against a teacher's"):
        measure_quality(network, data)
    assert 0 < measure_quality(network, data, labels).value <= 1
    inputs = list(calibration_inputs("parts", data, labels))
    assert inputs
    assert inputs[0].shape == (1, 4, 240, 176)
