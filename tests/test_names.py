"""Everything public exists, is documented, and is named the same everywhere."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import depthmatte
from depthmatte.batch.cutting.job import _FORMAT_SUFFIXES as FORMATS
from depthmatte.batch.cutting.pictures import MAP_PICTURES, VIEW_PICTURES
from depthmatte.cli.app import app
from depthmatte.effects import EFFECTS
from depthmatte.fusion import FUSIONS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
CLI = (REFERENCE / "cli.md").read_text("utf-8")
ALL = "".join(page.read_text("utf-8") for page in sorted(REFERENCE.glob("*.md")))


def flat(group: Any, before: str = "") -> dict[str, Any]:
    """Every command by its full name, those of sub-groups included: "train matte"."""
    found = {}
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        found |= flat(command, f"{before}{name} ") if inner else {before + name: command}
    return found


COMMANDS = flat(get_command(app))


def test_public_names_resolve() -> None:
    for name in depthmatte.__all__:
        assert getattr(depthmatte, name) is not None
    assert dir(depthmatte) == sorted(depthmatte.__all__)


def test_every_lazy_name_is_public() -> None:
    assert set(depthmatte._MODULE_OF_NAME) == set(depthmatte.__all__) - {"__version__"}


def test_other_names_do_not_exist() -> None:
    with pytest.raises(AttributeError, match="no attribute 'cutt'"):
        _ = depthmatte.cutt


@pytest.mark.parametrize("name", [name for name in depthmatte.__all__ if name != "__version__"])
def test_public_things_say_what_they_are(name: str) -> None:
    thing = getattr(depthmatte, name)
    assert (thing.__doc__ or "").strip()
    assert not (thing.__doc__ or "").startswith(f"{name}("), "dataclass's automatic docstring"


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_and_option_is_documented(command: str) -> None:
    assert f"## `depthmatte {command}" in CLI
    for option in COMMANDS[command].params:
        for spelling in option.opts:
            if spelling.startswith("--"):
                assert f"`{spelling}" in CLI, f"{command} {spelling}"


@pytest.mark.parametrize("name", [*MAP_PICTURES, *VIEW_PICTURES, *FORMATS, *EFFECTS, *FUSIONS])
def test_every_choice_is_documented(name: str) -> None:
    assert f"`{name}`" in ALL


@pytest.mark.parametrize(
    ("effect", "option"),
    [(name, field.name) for name, made in EFFECTS.items() for field in dataclasses.fields(made)],
)
def test_every_effect_option_is_documented(effect: str, option: str) -> None:
    assert f"`{effect}:{option}=" in ALL


def test_help_names_every_choice() -> None:
    options = {option.name: option.help for option in COMMANDS["cut"].params}
    assert all(name in options["fusion"] for name in FUSIONS)
    assert options["fusion"].endswith(f"Default: {depthmatte.CutOptions().fusion}.")
    assert all(name in options["save"] for name in [*MAP_PICTURES, *VIEW_PICTURES])
    assert all(name in options["format"] for name in FORMATS)


@pytest.mark.parametrize("command", [[], *[name.split() for name in COMMANDS]])
def test_help_works_from_the_shell(command: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "depthmatte", *command, "--help"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        check=True,
    )
    assert "Usage:" in run.stdout
    assert run.stderr == ""
