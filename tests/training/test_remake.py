"""A recipe trains all its phases; done again on one thread it gives the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("matplotlib", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

from depthmatte.cli.commands.training.train import train_app  # noqa: E402
from depthmatte.errors import InputError, OptionError  # noqa: E402
from depthmatte.option_fields import to_json_values  # noqa: E402
from depthmatte.training.checkpoint import read_checkpoint  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.recipes.recipe_file import parse_recipe, read_recipe_file  # noqa: E402
from depthmatte.training.recipes.recipe_run import digest_weights, train_recipe  # noqa: E402
from depthmatte.training.recipes.remake import FigureCheck, remake_network  # noqa: E402
from test_recipe_files import SMALL  # noqa: E402
from training_data import use_small_checks  # noqa: E402


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


def options(data: Path, out: Path, **more: Any) -> dict[str, Any]:
    return {"data": data, "out": out, "threads": 1, "workers": 0, **more}


def quiet(line: str) -> None:
    """Say nothing."""


def test_a_recipe_repeats_to_the_last_bit(data: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(SMALL.encode(), "small.toml")
    digests = [
        remake_network(recipe, options(data, tmp_path / name), most_steps=12, report=quiet).digest
        for name in ("one", "two")
    ]
    assert digests[0] == digests[1]
    other = options(data, tmp_path / "three", seed=1)
    assert remake_network(recipe, other, most_steps=2, report=quiet).digest != digests[0]


def test_phases_follow_one_another_and_their_mean_is_exported(data: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(SMALL.encode(), "small.toml")
    out = tmp_path / "run"
    lines: list[str] = []
    checkpoint = train_recipe(recipe, options(data, out), lines.append)
    assert checkpoint == out / "mean.pt"
    first, second = (read_checkpoint(out / name / "last.pt") for name in ("first", "second"))
    assert (first["step"], second["step"]) == (4, 12)
    assert second["recipe"]["start"] == str(out / "first" / "last.pt")
    # The checkpoint holds the whole: the same run can be asked for again from it alone.
    stored = Recipe(**second["recipe"])
    assert to_json_values(stored) == second["recipe"]
    assert stored.augmentation is not None
    assert second["recipe"]["augmentation"]["color"]["tone_chance"] == 0.5
    mean = read_checkpoint(checkpoint)["mean"]
    for name, value in mean.items():
        if value.dtype.is_floating_point:
            wanted = first["mean"][name] / 4 + second["mean"][name] * 3 / 4
            assert torch.allclose(value, wanted, atol=1e-5)
    assert [line for line in lines if line.startswith("phase ")] == [
        "phase first: 4 steps", "phase second: 12 steps", "phase mean: mean of first, second",
    ]  # fmt: skip
    # Another training in the same folder is refused; a finished one goes on with nothing to do.
    with pytest.raises(InputError, match="holds an earlier run"):
        train_recipe(recipe, options(data, out), quiet)
    before = digest_weights(checkpoint)
    assert digest_weights(train_recipe(recipe, options(data, out), quiet, resume=True)) == before


def test_a_mean_may_hold_what_the_training_started_from(data: Path, tmp_path: Path) -> None:
    small = SMALL.replace("steps = 12", "steps = 1").replace("steps = 4", "steps = 1")
    recipe = parse_recipe(small.replace('"first", "second"]', '"start", "first"]').encode(), "a")
    start = train_recipe(recipe, options(data, tmp_path / "one"), quiet)
    out = tmp_path / "two"
    mixed = train_recipe(recipe, options(data, out, start=str(start), seed=5), quiet)
    old, mean = read_checkpoint(start)["mean"], read_checkpoint(mixed)["mean"]
    new = read_checkpoint(out / "first" / "last.pt")["mean"]
    for name in (one for one, value in mean.items() if value.dtype.is_floating_point):
        assert torch.allclose(mean[name], old[name] / 4 + new[name] * 3 / 4, atol=1e-5)
    assert digest_weights(out / "start.pt") == digest_weights(start)


def test_figures_are_equal_within_the_tolerance_or_not(data: Path, tmp_path: Path) -> None:
    text = SMALL + "\n[figures]\ntolerance = 0.01\n"
    given = options(data, tmp_path / "one")
    folder = data / "people" / "picsart" / "train"
    first = remake_network(parse_recipe(text.encode(), "s"), given, [folder], report=quiet)
    assert first.network is not None
    assert first.network.is_file()
    assert not first.is_proven  # nothing was stored
    known = {figure.name: figure.measured for figure in first.figures}
    assert set(known) == {"validation error", "IoU of picsart/train"}
    stored = (
        f"validation = {known['validation error']}\n"
        f'[figures.evaluated]\n"picsart/train" = {known["IoU of picsart/train"]}\n'
    )
    again = options(data, tmp_path / "two")
    second = remake_network(
        parse_recipe((text + stored).encode(), "s"), again, [folder], report=quiet
    )
    assert second.digest == first.digest
    assert second.is_proven
    assert all("equal within 0.01" in str(figure) for figure in second.figures)


def test_a_figure_says_what_is_wrong() -> None:
    assert FigureCheck("a", 0.5, 0.52, 0.01).is_equal is False
    assert (
        str(FigureCheck("a", 0.5, 0.52, 0.01)) == "a: 0.5000, stored 0.5200: not equal within 0.01"
    )
    assert FigureCheck("a", 0.5, 0.505, 0.01).is_equal is True
    assert FigureCheck("a", None, 0.5, 0.01).is_equal is None
    assert str(FigureCheck("a", None, 0.5, 0.01)) == "a: not measured, stored 0.5000"
    assert str(FigureCheck("a", 0.5, None, 0.01)) == "a: 0.5000, none stored"


def test_masks_are_compared_for_matte_only(data: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--evaluate: only matte has masks"):
        remake_network(read_recipe_file("stereo"), options(data, tmp_path / "o"), [data])
    assert not (tmp_path / "o").exists()


def test_flags_win_over_a_recipe(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    out = tmp_path / "run"
    words = ["matte", "--data", str(data), "-o", str(out), "--recipe", str(file)]
    words += ["--steps", "2", "--workers", "0", "--threads", "1", "--ema-decay", "0.5"]
    run = CliRunner().invoke(train_app, words)
    assert run.exit_code == 0, run.output
    assert f"checkpoint {out / 'mean.pt'}" in run.output
    for name in ("first", "second"):
        state = read_checkpoint(out / name / "last.pt")
        assert state["step"] == 2
        assert state["recipe"]["ema_decay"] == 0.5
        assert state["recipe"]["encoder"] == "mobilenet"  # the recipe's, for want of a flag


def test_a_shortened_remake_prints_a_digest(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    told = []
    for name in ("one", "two"):
        words = ["remake", str(file), "--data", str(data), "-o", str(tmp_path / name)]
        run = CliRunner().invoke(train_app, [*words, "--steps", "2", "--workers", "0"])
        assert run.exit_code == 0, run.output
        told.append([line for line in run.output.splitlines() if line.startswith("digest ")])
    assert told[0] == told[1]
    assert len(told[0][0]) == len("digest ") + 64
