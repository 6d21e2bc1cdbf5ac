"""Recipe files hold every number, refuse whatever they do not know, and repeat to the last bit."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depthmatte.errors import InputError, OptionError
from depthmatte.option_fields import list_options, option_names, to_json_values
from depthmatte.training.recipe import TASK_NAMES, UNUSED_OPTIONS, Recipe
from depthmatte.training.recipes.recipe_file import (
    parse_recipe,
    read_recipe_file,
    shipped_recipes,
)
from depthmatte.training.recipes.toml_text import as_toml
from depthmatte.training.tasks.augmentation import AUGMENTATIONS, MatteAugmentation
from places import ROOT

FOLDER = ROOT / "src" / "depthmatte" / "training" / "recipes"

SMALL = """
task = "matte"
encoder = "mobilenet"
batch_size = 2
preset = [64, 64]
landscape = 0.5

[augmentation.crowd]
distractors = 0.1

[[phases]]
name = "first"
steps = 4
seed = 3

[[phases]]
name = "second"
start = "first"
steps = 12
learning_rate = 5e-4
weight_decay = 1e-4
augmentation.color.tone_chance = 0.5

[[phases]]
name = "mean"
mix = ["first", "second"]
shares = [1, 3]

[export]
phase = "mean"
calibrate = false
"""


def leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every value in tables."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_shipped_recipe_lists_every_number_of_augmentation(task: str) -> None:
    stored = tomllib.loads((FOLDER / f"{task}.toml").read_text("utf-8"))
    wanted = to_json_values(AUGMENTATIONS[task]())
    assert sorted(leaves(stored["augmentation"])) == sorted(leaves(wanted))


def test_no_number_of_augmentation_is_a_plain_field() -> None:
    def check(kind: type) -> None:
        assert {one.name for one in fields(kind)} == {*option_names(kind)}
        for one in list_options(kind):
            if is_dataclass(one.kind):
                check(one.kind)  # type: ignore[arg-type]

    for kind in AUGMENTATIONS.values():
        check(kind)


@pytest.mark.parametrize("name", TASK_NAMES)
def test_every_phase_of_a_shipped_recipe_says_how_it_is_run(name: str) -> None:
    recipe = read_recipe_file(name)
    assert name in shipped_recipes()
    assert recipe.task == name
    assert recipe.exported.name == recipe.phases[-1].name
    for phase in recipe.phases:
        if not phase.mix:
            run = recipe.make_recipe(phase, {"data": Path("D"), "out": Path("O")})
            assert run.steps > 0
            assert run.minutes == 0
            assert run.augmentation is not None
    told = (FOLDER / f"{name}.toml").read_text("utf-8")
    decisive = {"batch_size", "learning_rate", "preset", "seed", "landscape", "ema_decay"}
    decisive |= {"strength", "encoder", "freeze", "encoder_rate"}
    decisive -= {*UNUSED_OPTIONS.get(name, ())}
    if name in ("fuse", "detail"):
        decisive -= {"freeze", "encoder_rate"}  # their encoders are their own and small
    for option in decisive:
        assert re.search(rf"^{option} = ", told, re.MULTILINE), option


def test_a_phase_joins_its_tables_with_those_of_the_recipe_and_flags_win() -> None:
    recipe = parse_recipe(SMALL.encode(), "small.toml")
    first, second, mean = recipe.phases
    given = {"data": Path("D"), "out": Path("O"), "learning_rate": 0.25}
    run = recipe.make_recipe(second, given)
    assert isinstance(run.augmentation, MatteAugmentation)
    assert run.augmentation.crowd.distractors == 0.1
    assert run.augmentation.color.tone_chance == 0.5
    assert run.augmentation.color.jpeg_chance == MatteAugmentation().color.jpeg_chance
    assert (run.learning_rate, run.steps, run.weight_decay) == (0.25, 12, 1e-4)
    assert recipe.make_recipe(first, given).seed == 3
    assert (mean.mix, mean.shares) == (("first", "second"), (1.0, 3.0))
    # What a checkpoint stores gives the same recipe again.
    assert Recipe(**to_json_values(run)) == run


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("batch_size", "batch_sise", "the file: no key 'batch_sise'; did you mean batch_size?"),
        ("steps = 12", "stepz = 12", "[[phases]] 2: no key 'stepz'; did you mean steps?"),
        ("tone_chance", "tone_chanse",
         "[[phases]] 2 second [augmentation.color]: no key 'tone_chanse'; "
         "did you mean tone_chance?"),
        ("augmentation.crowd", "augmentation.crowds",
         "[augmentation]: no key 'crowds'; did you mean crowd?"),
        ("calibrate", "calibrated", "[export]: no key 'calibrated'; did you mean calibrate?"),
        ("distractors = 0.1", "distractors = 1.5",
         "phase first: crowd: distractors is 1.5; give a number from 0 to 1"),
        ("distractors = 0.1", "distractors = true",
         "phase first: crowd: distractors is True; give a number from 0 to 1"),
        ("landscape = 0.5", "landscape = 'wide'",
         "phase first: landscape is 'wide'; give a number from 0 to 1"),
        ("preset = [64, 64]", "preset = [65, 64]", "phase first: preset is [65, 64]; give HEIGHT"),
        ('task = "matte"', 'task = "faces"', "task is 'faces'; give matte, depth, stereo, fuse"),
        ('mix = ["first"', 'mix = ["third"', "[[phases]] 3 mean: mix is ['third', 'second']; "),
        ("shares = [1, 3]", "shares = [1]", "[[phases]] 3 mean: shares are [1]; give a number"),
        ("shares = [1, 3]", "shares = [0, 1]", "[[phases]] 3 mean: shares are [0, 1]; give"),
        ('name = "second"', 'name = "first"', "[[phases]] 2: name first is used twice"),
        ('name = "second"', 'name = "../x"', "[[phases]] 2: name is '../x'; give letters"),
        ('phase = "mean"', 'phase = "last"', "[export]: no phase 'last'; use first, second, mean"),
        ("seed = 3", "labels_part = '../up'", "[[phases]] 1 first: labels_part is '../up'; give"),
        ("seed = 3", "data = 'here'", "[[phases]] 1: no key 'data'; "),
        ("seed = 3", "minutes = inf", "phase first: minutes is inf; give a number, 0 or more"),
        ("steps = 4", "steps = 4 5", "is no TOML: "),
        ("steps = 4", "steps = " + 20_000 * "[", "is no TOML: "),
        ("steps = 4", "steps = 4\n[[sets]]\nname = 'a'\npath = 'p'\nshares = 2",
         "[[sets]] 1: no key 'shares'; did you mean share?"),
    ],
)  # fmt: skip
def test_what_a_recipe_does_not_know_is_one_line(old: str, new: str, line: str) -> None:
    assert old in SMALL
    text = SMALL.replace(old, new, 1)
    if "[[sets]]" in new:
        text = text.replace("\n[[sets]]", "\n[[phases]]\nname = 'zero'\nsteps = 1\n[[sets]]")
    with pytest.raises(InputError) as caught:
        parse_recipe(text.encode(), "small.toml")
    told = str(caught.value)
    assert told.startswith(f"small.toml: {line}"), told
    assert "\n" not in told
    assert len(told) < 1500


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_recipe_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    content = bytearray(SMALL.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    told = ""
    try:
        assert parse_recipe(bytes(content), "small.toml").phases
    except InputError as error:
        told = str(error)
    assert "\n" not in told
    assert told.isprintable()


@pytest.mark.parametrize("name", ["missing.toml", ".", "large.toml", "text.toml"])
def test_another_file_is_no_recipe(name: str, tmp_path: Path) -> None:
    (tmp_path / "large.toml").write_bytes(b"# " + bytes(1 << 20))
    (tmp_path / "text.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError) as caught:
        read_recipe_file(tmp_path / name)
    assert "; give" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_recipe_of_another_network_is_refused() -> None:
    with pytest.raises(InputError, match="is a recipe of depth, not of matte"):
        read_recipe_file("depth", "matte")


@pytest.mark.parametrize("task", TASK_NAMES)
def test_numbers_of_another_task_are_refused(task: str) -> None:
    other = AUGMENTATIONS["matte" if task != "matte" else "depth"]()
    with pytest.raises(OptionError, match=r"^augmentation is "):
        Recipe(task, Path("D"), Path("O"), augmentation=other)
    with pytest.raises(OptionError, match=r"^augmentation: no table 'colour'; use "):
        Recipe(task, Path("D"), Path("O"), augmentation={"colour": {}})  # type: ignore[arg-type]


@pytest.mark.parametrize("task", TASK_NAMES)
def test_numbers_written_as_toml_are_read_back(task: str) -> None:
    made = AUGMENTATIONS[task]()
    table = tomllib.loads("\n".join(as_toml(made, "augmentation")))
    assert AUGMENTATIONS[task](**table["augmentation"]) == made
