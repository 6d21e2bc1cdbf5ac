"""Write the generated parts of the docs: `make docs`.

A page holds a generated part between `<!-- options: NAME -->` and `<!-- /options -->`: a table of
options, or the whole command reference. With `--check` nothing is written, and the exit status is
1 when a page is not up to date.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from depthmatte.cli.app import app
from depthmatte.cli.commands.training.run import TrainingOutput
from depthmatte.option_fields import (
    has_current_tables,
    list_options,
    markdown_table,
    rewrite_tables,
)
from depthmatte.options import (
    CropOptions,
    CutOptions,
    EdgeOptions,
    LensOptions,
    OutputOptions,
    SensorOptions,
    SessionOptions,
)
from depthmatte.server.serve_options import ServeOptions
from depthmatte.training.data.formats.options import LabelExport, LabelImport
from depthmatte.training.feedback.options import FeedbackRecipe
from depthmatte.training.recipe import ExistingRun, RayOptions, Recipe
from depthmatte.video.video_options import LiveOptions, VideoOptions

PAGES = sorted(Path(__file__).parent.rglob("*.md"))

FLAGGED = (
    CutOptions, SessionOptions, OutputOptions, Recipe, ExistingRun, TrainingOutput, LabelExport,
    LabelImport, FeedbackRecipe, RayOptions, ServeOptions, VideoOptions, LiveOptions, LensOptions,
)  # fmt: skip
"""Dataclasses whose fields the command line has as flags."""

HEAD = ["| option | meaning | takes | default |", "|---|---|---|---|"]
"""Of the command reference: the meaning comes second, so that a phone shows it."""


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its full name, those of groups included: "train matte"."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def known_rows() -> dict[str, list[tuple[str, str]]]:
    """Flag -> (help, table row) of each option that is a field of a dataclass."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for cls in FLAGGED:
        for one in list_options(cls):
            for row in markdown_table(cls, flags=True, only=[one.name]).splitlines()[2:]:
                for flag in one.flags:
                    rows.setdefault(flag, []).append((one.help, row))
    return rows


def takes(param: Any) -> str:
    """What may stand behind an option, in words."""
    if getattr(param, "is_flag", False):
        off = [name for name in param.secondary_opts if name.startswith("--")]
        return f"`{off[0]}` is off" if off else "no value"
    kind = type(param.type).__name__
    low, high = getattr(param.type, "min", None), getattr(param.type, "max", None)
    noun = {"IntRange": "a whole number", "IntParamType": "a whole number"}.get(kind)
    noun = noun or ("a number" if "Float" in kind else "a path" if "Path" in kind else "a text")
    if low is not None and high is not None:
        return f"{noun} from {low} to {high}"
    return f"{noun}, {low} or more" if low is not None else noun


def default(param: Any) -> str:
    """The default of an option as a table shows it."""
    if getattr(param, "is_flag", False):
        return "`on`" if param.default else "`off`"
    if param.required:
        return "required"
    return "" if param.default in (None, "", ()) else f"`{param.default}`"


def row(param: Any, known: dict[str, list[tuple[str, str]]]) -> str:
    """One line of a command's table; a dataclass's field says more than the parser does."""
    told = param.help or ""
    for words, line in known.get(max(param.opts, key=len), []):
        cells = line[2:-2].split(" | ")
        alike = told[1:].startswith(words[1:])
        if alike and bool(param.secondary_opts) == ("--no-" in cells[1]):
            held = re.search(r"Default: (.+?)\.$", told)
            if param.required:
                cells[2] = "required"
            elif held and not cells[2]:
                cells[2] = f"`{held[1]}`"
            break
    else:
        told = re.sub(r":? a whole number.*$", ".", told).rstrip(".")
        names = ", ".join(f"`{name}`" for name in sorted(param.opts, key=len))
        cells = [names, takes(param), default(param), told.replace("|", r"\|")]
    cells[3] = cells[3][:1].upper() + cells[3][1:]
    name, values, usual, meaning = cells
    return f"| {name} | {meaning} | {values} | {usual} |"


def prose(command: Any) -> str:
    """A command's docstring as Markdown: examples become blocks."""
    parts = inspect.cleandoc(command.help or "").split("\n\n")
    shown = []
    for part in parts:
        if part.startswith("Example: "):
            shown.append(f"```bash\n{' '.join(part[9:].split())}\n```")
        elif not part.startswith("Exit status"):
            shown.append(" ".join(part.split()))
    return "\n\n".join(shown)


def section(name: str, command: Any, earlier: dict[str, tuple[str, list[str]]]) -> str:
    """The reference of one command; options that an earlier command has alike are linked."""
    known = known_rows()
    given = [one for one in command.params if one.param_type_name == "argument"]
    flags = [one for one in command.params if one.param_type_name == "option"]
    usage = " ".join(
        one.metavar or f"{one.name.upper()}{'...' if one.nargs == -1 else ''}" for one in given
    )
    parts = [f"## `depthmatte {name}{' ' if usage else ''}{usage}`", prose(command)]
    if given:
        lines = ["| argument | meaning |", "|---|---|"]
        for one in given:
            called = one.metavar or one.name.upper()
            lines.append(f"| `{called}` | {(one.help or '').rstrip('.')} |")
        parts.append("\n".join(lines))
    lines = [row(one, known) for one in flags]
    key = " ".join(one.name for one in flags)
    if len(lines) > 15 and key in earlier:
        first, before = earlier[key]
        lines = [line for line in lines if line not in before]
        anchor = f"depthmatte-{first}".replace(" ", "-")
        parts.append(f"It takes the options of [`{first}`](#{anchor}). These differ:")
    else:
        earlier[key] = (name, lines)
    if lines:
        parts.append("\n".join(HEAD + lines))
    return "\n\n".join(parts)


def command_reference() -> str:
    """Every command with every argument and option."""
    earlier: dict[str, tuple[str, list[str]]] = {}
    return "\n\n".join(
        section(name, command, earlier) for name, command in commands(get_command(app))
    )


TABLES = {
    "CutOptions": markdown_table(CutOptions),
    "SensorOptions": markdown_table(SensorOptions),
    "EdgeOptions": markdown_table(EdgeOptions),
    "CropOptions": markdown_table(CropOptions),
    "SessionOptions": markdown_table(SessionOptions),
    "OutputOptions": markdown_table(OutputOptions, flags=True),
    "LensOptions": markdown_table(LensOptions, flags=True),
    "ServeOptions": markdown_table(ServeOptions, flags=True),
    "Recipe": markdown_table(Recipe, flags=True),
    "FeedbackRecipe": markdown_table(FeedbackRecipe, flags=True),
    "ExistingRun": markdown_table(ExistingRun, flags=True),
    "RayOptions": markdown_table(RayOptions, flags=True),
    "TrainingOutput": markdown_table(TrainingOutput, flags=True),
    "commands": command_reference(),
}
"""Every generated part by the name that pages call it."""


def main() -> int:
    """Bring all pages up to date, or say which are not."""
    check = "--check" in sys.argv[1:]
    stale = [page for page in PAGES if not has_current_tables(page, TABLES)]
    for page in stale:
        print(page.name, "is not up to date" if check else "written")
        if not check:
            rewrite_tables(page, TABLES)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
