"""A training option is written once: its flag, its schema and its line in the docs follow."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import depthmatte
from depthmatte.canvas import PRESET_SHAPE
from depthmatte.cli.commands.training import train as commands
from depthmatte.cli.commands.training.run import TrainingOutput
from depthmatte.errors import InputError, OptionError
from depthmatte.option_fields import (
    has_current_tables,
    json_schema,
    list_options,
    markdown_table,
    option_names,
    parse_options,
    to_json_values,
)
from depthmatte.training.data.sample_set import SampleSet
from depthmatte.training.recipe import (
    ENCODER_NAMES,
    TASK_NAMES,
    UNUSED_OPTIONS,
    ExistingRun,
    Recipe,
)
from places import ROOT

MADE = runpy.run_path(str(ROOT / "docs" / "tables.py"))
PAGES, TABLES = MADE["PAGES"], MADE["TABLES"]

OTHER: dict[str, tuple[str, Any]] = {
    "data": ("DATA", (Path("DATA"),)),
    "out": ("runs/x", Path("runs/x")),
    "epochs": ("3", 3),
    "steps": ("500", 500),
    "batch_size": ("2", 2),
    "learning_rate": ("0.01", 0.01),
    "weight_decay": ("0.02", 0.02),
    "encoder": ("vgg", "vgg"),
    "imagenet": ("false", False),
    "encoder_rate": ("0.3", 0.3),
    "freeze": ("2", 2),
    "preset": ("320x192", (320, 192)),
    "stop_loss": ("0.5", 0.5),
    "patience": ("4", 4),
    "validate_every": ("40", 40),
    "save_every": ("30", 30),
    "log_every": ("20", 20),
    "ema_decay": ("0.9", 0.9),
    "seed": ("7", 7),
    "threads": ("2", 2),
    "workers": ("0", 0),
    "compile": ("true", True),
    "start": ("a/last.pt", "a/last.pt"),
    "labels": ("work/labels", Path("work/labels")),
    "strength": ("0.5", 0.5),
    "landscape": ("1", 1.0),
    "limit": ("9", 9),
    "passes": ("2", 2),
    "minutes": ("1.5", 1.5),
    "sets": ("name=a,path=b", (SampleSet("a", Path("b")),)),
    "share": ("a=2", ("a=2",)),
    "backgrounds": ("places", (Path("places"),)),
    "validation": ("0.2", 0.2),
    "split_seed": ("3", 3),
    "not_in": ("eval", (Path("eval"),)),
    "skip_bad": ("true", True),
    "gradient_weight": ("0.5", 0.5),
}
"""For each option a text and its value, which is not the default."""


class Caught(Exception):
    """Carries what a command would train."""


def asked(monkeypatch: pytest.MonkeyPatch, task: str, *words: str) -> tuple[Recipe, ExistingRun]:
    """What `depthmatte train TASK WORDS` asks for."""
    train = pytest.importorskip("depthmatte.training.loop", reason="needs the extra train")

    def catch(recipe: Recipe, resume: bool, replace: bool, **watched: Any) -> Path:
        raise Caught(recipe, ExistingRun(resume, replace))

    monkeypatch.setattr(train, "train", catch)
    run = CliRunner().invoke(commands.train_app, [task, *words])
    assert isinstance(run.exception, Caught), run.output
    recipe, earlier = run.exception.args
    return recipe, earlier


UNTYPED = {one.name for one in list_options(Recipe) if not one.flags}
"""Options without a flag: recipe files give them."""


def test_every_option_has_another_value_here() -> None:
    assert {*UNTYPED, *OTHER} == {*option_names(Recipe)}
    assert {"task", "augmentation", "sets"} == UNTYPED


@pytest.mark.parametrize("name", list(OTHER))
def test_every_option_goes_through_flag_form_schema_and_docs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = OTHER[name]
    base = {"task": "matte", "data": "D", "out": "O"}
    wanted = Recipe(**{**base, name: value})  # type: ignore[arg-type]
    flags = next(one.flags for one in list_options(Recipe) if one.name == name)
    words = [word for key in ("data", "out") if key != name for word in (f"--{key}", base[key])]
    switches = {
        "imagenet": ["--no-imagenet"], "skip_bad": ["--skip-bad"], "compile": ["--compile"],
    }  # fmt: skip
    if flags:
        typed = switches.get(name, [flags[-1], text])
        assert asked(monkeypatch, "matte", *words, *typed)[0] == wanted
        assert f"`{flags[-1]}`" in (ROOT / "docs" / "howto" / "train.md").read_text("utf-8")
    assert parse_options(Recipe, {**base, name: text}) == wanted
    assert Recipe(**json.loads(json.dumps(to_json_values(wanted)))) == wanted
    assert json_schema(Recipe)["properties"][name]["description"]
    assert getattr(Recipe("matte", Path("D"), Path("O")), name) != value


@pytest.mark.parametrize(
    ("flag", "name", "value"),
    [("--batch", "batch_size", 2), ("--rate", "learning_rate", 0.5), ("--average", "ema_decay", 0)],
)
def test_old_flags_still_work(
    flag: str, name: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, _ = asked(monkeypatch, "matte", "--data", "D", flag, str(value))
    assert getattr(recipe, name) == value


@pytest.mark.parametrize(
    "words",
    [
        ["--companions", "0.1", "--distractors", "0.9", "--tall-distractors"],
        ["--beside", "0.1", "--crowded", "0.9", "--tall"],
    ],
)
def test_flags_of_maps_say_which_crowd(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = pytest.importorskip("depthmatte.training.tasks.fusion_maps", reason="extra train")
    asked: dict[str, Any] = {}
    monkeypatch.setattr(made, "make_maps", lambda *_, **named: asked.update(named) or 0)
    run = CliRunner().invoke(commands.train_app, ["maps", "--data", "D", *words])
    assert run.exit_code == 0, run.output
    crowd = asked["crowd"]
    assert (crowd.companions, crowd.distractors, crowd.aligned) == (0.1, 0.9, True)
    assert crowd.distractor_height == made.TALL_DISTRACTOR_HEIGHT


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (task, name)
        for task, unused in UNUSED_OPTIONS.items()
        for name in unused
        if name not in UNTYPED
    ],
)
def test_an_option_that_a_task_does_not_use_is_refused(task: str, name: str) -> None:
    flag = "--no-imagenet" if name == "imagenet" else f"--{name.replace('_', '-')}"
    words = [] if name in ("imagenet", "skip_bad", "compile") else [OTHER[name][0]]
    run = CliRunner().invoke(commands.train_app, [task, "--data", "D", flag, *words])
    assert run.exit_code == 2
    assert "No such option" in run.output
    with pytest.raises(OptionError, match=f"{name}: train {task} has no use for it; leave it out"):
        Recipe(**{"task": task, "data": Path("D"), "out": Path("O"), name: OTHER[name][1]})


@pytest.mark.parametrize("task", TASK_NAMES)
def test_defaults_are_those_of_the_recipe(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, earlier = asked(monkeypatch, task, "--data", "D")
    assert recipe == Recipe(task, Path("D"), None)
    assert earlier == ExistingRun()


def test_defaults_are_those_of_old() -> None:
    old = {
        "epochs": 16, "steps": 0, "weight_decay": 0.0, "batch_size": 8, "learning_rate": 1e-3,
        "encoder": "lite0",
        "encoder_rate": 1.0, "freeze": 0, "preset": (480, 352), "stop_loss": 0.0, "patience": 0,
        "seed": 0, "threads": 0, "start": None, "labels": None, "strength": 1.0, "landscape": 0.2,
        "limit": 0, "passes": 1, "minutes": 0.0, "workers": 1,
    }  # fmt: skip
    recipe = Recipe("matte", Path("D"), Path("O"))
    assert {name: getattr(recipe, name) for name in old} == old


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("task", "faces"), ("epochs", 0), ("epochs", 2.5), ("batch_size", -1),
        ("learning_rate", float("nan")),
        ("learning_rate", -1), ("encoder", "alexnet"), ("freeze", 6), ("preset", (100, 100)),
        ("preset", (64,)), ("preset", (96, 32)), ("preset", (64, 99968)), ("seed", -1),
        ("threads", 1_000_000), ("workers", 1_000_000), ("landscape", 1.5), ("strength", "much"),
        ("minutes", float("inf")), ("start", ""), ("labels", 3), ("data", ()), ("data", 3),
        ("validation", 0), ("validation", 0.95), ("sets", [{"name": "", "path": "p"}]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_its_option(option: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"^{option}(: name)? is .*; give ") as caught:
        Recipe(**{"task": "matte", "data": Path(), "out": Path(), option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--preset", "320"], "--preset is '320'; give HEIGHTxWIDTH, multiples of 32"),
        (["--preset", "100x100"], "--preset is (100, 100); give HEIGHTxWIDTH, multiples of 32"),
        (["--encoder", "alexnet"], "--encoder is 'alexnet'; give lite0, mobilenet, resnet or vgg"),
        (["--epochs", "many"], "--epochs: 'many' is not a whole number; give a whole number"),
        (["--out", ""], "--out: '' is not a path; give a path"),
        (["--resume", "--replace"], "--resume and --replace: exclude each other; give one"),
        (["--quiet", "--json"], "--quiet and --json: exclude each other; give one"),
        (["--steps", "-1"], "--steps is -1; give a whole number from 0 to"),
        (["--log-every", "0"], "--log-every is 0; give a whole number from 1 to"),
    ],
)
def test_a_wrong_flag_is_one_line(words: list[str], line: str) -> None:
    run = CliRunner().invoke(commands.train_app, ["matte", "--data", "D", *words])
    assert isinstance(run.exception, OptionError)
    assert str(run.exception).startswith(line)


def test_data_is_one_folder_or_several() -> None:
    one = Recipe("matte", Path("D"), Path("O"))
    assert one == Recipe("matte", "D", "O") == Recipe("matte", [Path("D")], Path("O"))  # type: ignore[arg-type]
    assert Recipe("matte", (Path("D"), Path("E")), Path("O")).data == (Path("D"), Path("E"))
    with pytest.raises(OptionError, match="data: train depth reads one folder; give --data once"):
        Recipe("depth", (Path("D"), Path("E")), Path("O"))


def test_a_set_is_a_table_in_a_recipe() -> None:
    tables = [{"name": "mine", "path": "photos", "share": 2, "cut_out": False, "every": 20}]
    recipe = Recipe("matte", Path("D"), Path("O"), sets=tables)  # type: ignore[arg-type]
    assert recipe.sets == (SampleSet("mine", Path("photos"), 2.0, False, every=20),)
    assert Recipe(**json.loads(json.dumps(to_json_values(recipe)))) == recipe
    with pytest.raises(OptionError, match="sets: no option 'shares'; use name, path, share"):
        Recipe("matte", Path("D"), Path("O"), sets=[{"name": "a", "path": "p", "shares": 2}])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["mine", "=2", "mine=many", "mine=-1", "mine=nan", "mine=1001"])
def test_a_wrong_share_is_one_line(text: str) -> None:
    with pytest.raises(OptionError, match=r"^--share .*: is no share; write NAME=NUMBER"):
        Recipe("matte", Path("D"), Path("O"), share=(text,))


def test_the_recipe_agrees_with_what_it_names() -> None:
    assert Recipe("matte", Path("D"), Path("O")).preset == PRESET_SHAPE
    encoders = pytest.importorskip(
        "depthmatte.training.networks.encoders", reason="needs the extra train"
    )
    tasks = pytest.importorskip(
        "depthmatte.training.tasks.registry", reason="needs the extra train"
    )
    assert tuple(encoders.ENCODERS) == ENCODER_NAMES
    assert tuple(tasks.TRAINING_TASKS) == TASK_NAMES


def test_help_needs_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "for name in ('numpy', 'cv2', 'torch', 'PIL', 'onnxruntime'): sys.modules[name] = None\n"
        "from depthmatte.cli.app import app\n"
        "app(['train', 'fuse', '--help'])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ
        | {"PYTHONPATH": str(Path(depthmatte.__file__).parents[1]), "COLUMNS": "200"},
        check=True,
    )
    told = re.sub(r"\s+", " ", run.stdout)
    assert "Train for this many epochs: a whole number from 1 to 1000000. Default: 16." in told
    assert "by default into a new folder work/TASK-1, -2, ..." in told
    assert "--task" not in told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_the_docs_are_fresh(page: Path) -> None:
    assert has_current_tables(page, TABLES), f"{page.name}: make docs"


def test_the_docs_hold_the_tables() -> None:
    told = (ROOT / "docs" / "howto" / "train.md").read_text("utf-8")
    assert markdown_table(Recipe, flags=True) in told
    assert markdown_table(ExistingRun, flags=True) in told
    assert markdown_table(TrainingOutput, flags=True) in told
