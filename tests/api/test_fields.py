"""An option is written once: checks, texts, flags, schema and docs follow from its field."""

from __future__ import annotations

import json
import math
import re
from dataclasses import MISSING, FrozenInstanceError, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from depthmatte.cli.flags import option_flags
from depthmatte.errors import InputError, OptionError
from depthmatte.option_fields import (
    check_options,
    fill_tables,
    has_current_tables,
    json_schema,
    list_options,
    markdown_table,
    option,
    option_names,
    parse_options,
    parse_pairs,
    rewrite_tables,
    to_json_values,
)


def size(text: str) -> tuple[int, int]:
    rows, columns = text.split("x")
    return int(rows), int(columns)


@dataclass(frozen=True)
class Inner:
    """Options inside options."""

    near: float = option(0.0, "nearest that counts", 0, unit="metres")
    far: float = option(math.inf, "farthest that counts", above=0)

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Toy:
    """One option of every kind.

    The rest of the docstring.
    """

    folder: Path = option(MISSING, "where to look", flag="-f")
    count: int = option(3, "how many", 1, 9)
    share: float = option(0.5, "how much", 0, 1, flag="--old-share")
    rule: str = option("fair", "who wins", choices={"fair": "", "hard": "the strongest"})
    way: Literal["left", "right"] = option("left", "which way")
    loud: bool = option(False, "say more", flag="-l")
    start: Path | None = option(None, "where to begin")
    bound: float | None = option(None, "what to stay under", above=0)
    shape: tuple[int, int] = option(
        (4, 2), "rows and columns", takes="ROWSxCOLUMNS", read=size,
        show=lambda value: f"{value[0]}x{value[1]}", valid=lambda value: min(value) > 0,
    )  # fmt: skip
    who: str | tuple[float, float] = option("all", "who is meant", choices=("all", "near"))
    kept: tuple[str, ...] = option(("a",), "what is kept", choices=("a", "b", "c"))
    inner: Inner = option(Inner(), "how far", flag="--within")
    hidden: int = option(7, "for programs only", flag=False)
    name: str = option("", "a name")

    def __post_init__(self) -> None:
        check_options(self)


VALUES: dict[str, tuple[Any, str]] = {
    "folder": (Path("there"), "there"),
    "count": (5, "5"),
    "share": (0.25, "0.25"),
    "rule": ("hard", "hard"),
    "way": ("right", "right"),
    "loud": (True, "yes"),
    "start": (Path("a b"), "a b"),
    "bound": (2.5, "2.5"),
    "shape": ((6, 8), "6x8"),
    "who": ((3.0, 4.5), "3,4.5"),
    "kept": (("b", "a"), "b, a"),
    "inner": (Inner(far=2), "far=2"),
    "hidden": (1, "1"),
    "name": ("none", "none"),
}
"""For each option a value that is not its default, and how it is typed."""

WRONG: list[tuple[str, Any, str]] = [
    ("folder", "", "give a path"),
    ("folder", 3, "give a path"),
    ("folder", "a\0b", "give a path"),
    ("count", 0, "count is 0; give a whole number from 1 to 9"),
    ("count", 2.5, "give a whole number from 1 to 9"),
    ("count", True, "give a whole number"),
    ("count", "3", "give a whole number"),
    ("share", 1.01, "share is 1.01; give a number from 0 to 1"),
    ("share", math.nan, "share is nan; give a number from 0 to 1"),
    ("share", 10**400, "give a number from 0 to 1"),
    ("rule", "soft", r"rule is 'soft'; give fair or hard \(the strongest\)"),
    ("way", "up", "way is 'up'; give left or right"),
    ("loud", 1, "loud is 1; give true or false"),
    ("loud", None, "loud is None; give true or false"),
    ("bound", 0, "bound is 0; give a number above 0"),
    ("bound", math.inf, "bound is inf; give a number above 0"),
    ("shape", (4, 0), r"shape is \(4, 0\); give ROWSxCOLUMNS"),
    ("shape", (4, 2, 2), "give ROWSxCOLUMNS"),
    ("who", "far", "who is 'far'; give all, near or 2 numbers"),
    ("who", (1.0,), "who is"),
    ("kept", ("a", "z"), "kept is"),
    ("inner", {"near": -1}, "inner: near is -1; give a number, 0 or more"),
    ("name", 5, "name is 5; give a text"),
]

app = typer.Typer()
seen: list[Any] = []


@app.command()
@option_flags(Toy, defaults={"count": 4}, fixed={"name": "told"})
def toy(word: Annotated[str, typer.Argument()], made: Toy, more: bool = False) -> None:
    """What the command says."""
    seen.append((word, made, more))


def command(*words: str) -> tuple[str, Toy, bool]:
    """What the toy command is called with."""
    seen.clear()
    run = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return seen[0]  # type: ignore[no-any-return]


HELP = re.sub(r"\s+", " ", CliRunner().invoke(app, ["--help"], env={"COLUMNS": "999"}).output)


@pytest.mark.parametrize("name", option_names(Toy))
def test_every_option_goes_through_text_flag_schema_and_table(name: str) -> None:
    value, text = VALUES[name]
    made = Toy(**{"folder": "x", name: value})
    assert parse_options(Toy, {"folder": "x", name: text}) == made
    assert Toy(**json.loads(json.dumps(to_json_values(made), allow_nan=False))) == made
    one = next(one for one in list_options(Toy) if one.name == name)
    told = json_schema(Toy)["properties"][name]
    assert told["description"].startswith(one.help)
    assert f"| `{name}` |" in markdown_table(Toy)
    assert one.help in markdown_table(Toy)
    if name in ("hidden", "name"):
        assert f"--{name}" not in HELP
        assert f"`--{name}`" not in markdown_table(Toy, flags=True) or name == "name"
        return
    for flag in one.flags:
        assert flag in HELP
        assert f"`{flag}`" in markdown_table(Toy, flags=True)
        typed = [flag] if name == "loud" else [flag, text]
        given = [] if name == "folder" else ["-f", "x"]
        assert getattr(command("w", *given, *typed)[1], name) == value
    assert one.help[1:] in HELP


def test_what_is_not_given_is_left_to_the_dataclass() -> None:
    word, made, more = command("w", "--folder", "x", "--more")
    assert (word, more) == ("w", True)
    assert made == Toy(Path("x"), count=4, name="told")
    assert command("w", "-f", "x", "--count", "2", "--no-loud")[1].count == 2
    assert "Default: 4." in HELP
    assert "Who wins: fair or hard (the strongest). Default: fair." in HELP
    assert "What the command says." in HELP


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--count", "0"), "--count is 0; give a whole number from 1 to 9"),
        (("--count", "many"), "--count: 'many' is not a whole number; give a whole number from 1"),
        (("--share", "nan"), "--share is nan; give a number from 0 to 1"),
        (("--old-share", "2"), "--share is 2.0; give a number from 0 to 1"),
        (("--rule", "soft"), "--rule is 'soft'; give fair or hard (the strongest)"),
        (("--folder", ""), "--folder: '' is not a path; give a path"),
        (("--within", "far=near"), "--inner: far: 'near' is not a number; give a number above 0"),
        (("--within", "far"), "--inner: 'far': has no value; write NAME=VALUE"),
        (("--shape", "4"), "--shape is '4'; give ROWSxCOLUMNS"),
    ],
)
def test_a_wrong_flag_is_one_line_that_names_it(words: tuple[str, ...], line: str) -> None:
    with pytest.raises(OptionError) as caught:
        command("w", "-f", "x", *words)
    assert str(caught.value).startswith(line)


def test_a_required_option_is_asked_for() -> None:
    assert CliRunner().invoke(app, ["w"]).exit_code == 2
    with pytest.raises(InputError, match="folder is missing; give a path"):
        parse_options(Toy, {})


@pytest.mark.parametrize(("name", "value", "line"), WRONG)
def test_a_wrong_value_is_one_line_that_names_it(name: str, value: Any, line: str) -> None:
    with pytest.raises(InputError, match=line) as caught:
        Toy(**{"folder": Path(), name: value})
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


@given(st.sampled_from(option_names(Toy)), st.text())
def test_any_text_is_read_or_refused_in_one_short_line(name: str, text: str) -> None:
    try:
        made = parse_options(Toy, {"folder": "x", name: text})
    except OptionError as error:
        line = str(error)
    else:
        assert Toy(**to_json_values(made)) == made
        line = name
    assert line.startswith(name)
    assert line.isprintable()
    assert len(line) < 300


@given(st.floats(), st.integers())
def test_numbers_are_in_range_or_refused(share: float, count: int) -> None:
    for name, value, fine in (
        ("share", share, 0 <= share <= 1),
        ("share", np.float64(share), 0 <= share <= 1),
        ("count", count, 1 <= count <= 9),
        ("bound", share, 0 < share < math.inf),
    ):
        try:
            made = Toy(**{"folder": Path("x"), name: value})
        except InputError:
            assert not fine
        else:
            assert fine
            assert getattr(made, name) == value
            assert type(getattr(made, name)) in (int, float)


def test_values_out_of_json_and_numpy_are_tidied() -> None:
    made = Toy("x", count=np.int64(2), shape=[6, 8], inner={"far": 3})  # type: ignore[arg-type]
    assert made == Toy(Path("x"), count=2, shape=(6, 8), inner=Inner(far=3.0))
    with pytest.raises(FrozenInstanceError):
        made.count = 3  # type: ignore[misc]


def test_the_schema_says_types_ranges_choices_and_defaults() -> None:
    told = json_schema(Toy)
    assert told["$schema"].endswith("2020-12/schema")
    assert told["description"] == "One option of every kind."
    assert told["required"] == ["folder"]
    assert told["additionalProperties"] is False
    held = told["properties"]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert held["count"] == {
        "description": "how many", "type": "integer", "minimum": 1, "maximum": 9, "default": 3,
    }  # fmt: skip
    assert held["bound"]["type"] == ["number", "null"]
    assert held["bound"]["exclusiveMinimum"] == 0
    assert held["rule"]["enum"] == ["fair", "hard"]
    assert held["rule"]["description"] == "who wins; hard: the strongest"
    assert held["way"]["enum"] == ["left", "right"]
    assert held["loud"] == {"description": "say more", "type": "boolean", "default": False}
    assert held["shape"]["items"] == {"type": "integer"}
    assert held["shape"]["default"] == [4, 2]
    assert "default" not in held["folder"]
    assert "default" not in held["inner"]["properties"]["far"]
    assert held["inner"]["properties"]["near"]["description"] == "nearest that counts (metres)"
    assert [form["type"] for form in held["who"]["anyOf"]] == ["string", "array"]


def test_pairs_keep_commas_in_brackets() -> None:
    assert parse_pairs("color=rgb(1, 2,3),crop=true") == {"color": "rgb(1, 2,3)", "crop": "true"}
    assert parse_pairs("") == {}
    with pytest.raises(InputError, match="'a': is given twice"):
        parse_pairs("a=1,a=2")
    with pytest.raises(InputError, match=r"no option 'far'; use folder, count"):
        parse_options(Toy, {"far": "1"})


def test_an_unknown_type_needs_a_reader() -> None:
    @dataclass(frozen=True)
    class Framed:
        picture: np.ndarray[Any, np.dtype[np.uint8]] | None = option(None, "what stands behind")

        def __post_init__(self) -> None:
            check_options(self)

    # A local class: its hints are resolved where it stands.
    Framed.__annotations__["picture"] = np.ndarray[Any, np.dtype[np.uint8]] | None
    assert json_schema(Framed)["properties"]["picture"]["format"] == "picture"
    made = parse_options(
        Framed, {"picture": "x.png"}, lambda kind, text: np.zeros((2, 2), np.uint8)
    )
    assert made.picture is not None
    assert made.picture.shape == (2, 2)
    with pytest.raises(InputError, match=r"picture: 'x\.png' cannot be written as text"):
        parse_options(Framed, {"picture": "x.png"})
    with pytest.raises(InputError, match=r"picture is 'x\.png'; give a picture"):
        Framed("x.png")  # type: ignore[arg-type]


def test_two_classes_share_a_command_but_no_name() -> None:
    @option_flags(Inner, only=["near"])
    def some(inner: Inner) -> Inner:
        return inner

    assert some(near="2") == Inner(near=2)
    with pytest.raises(TypeError, match="two classes have an option"):
        option_flags(Inner, Again)(clash_of_names)
    with pytest.raises(TypeError, match="needs one parameter of each"):
        option_flags(Toy)(some)


@dataclass(frozen=True)
class Again:
    """An option named like another's."""

    near: int = option(1, "how near")


def clash_of_names(one: Inner, two: Again) -> None:
    """Both know `near`."""


PAGE = "# A page\n\nwords\n\n<!-- options: Toy -->\nold\n<!-- /options -->\n\nmore words\n"


def test_tables_in_pages_are_kept_in_step(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    tables = {"Toy": markdown_table(Toy)}
    assert not has_current_tables(page, tables)
    assert rewrite_tables(page, tables)
    assert has_current_tables(page, tables)
    assert not rewrite_tables(page, tables)
    text = page.read_text("utf-8")
    assert text.startswith("# A page\n\nwords\n")
    assert text.endswith("<!-- /options -->\n\nmore words\n")
    assert "\nold\n" not in text
    assert "| `count` | a whole number from 1 to 9 | `3` | how many |" in text
    with pytest.raises(KeyError):
        fill_tables(PAGE, {})
