"""Recipe files: TOML with every option, set, phase and number of augmentation of a training.

::

    task = "matte"
    batch_size = 8

    [augmentation.color]
    tone_chance = 0.8

    [[phases]]
    name = "fine"
    start = "matte"
    steps = 1200

A key outside all tables is an option of `Recipe` and holds in every phase. A phase has options of
its own, or it is the mean of earlier ones: `mix = ["one", "two"]` with `shares`, where "start" is
the network that the first phase starts from. Its `start` may name an earlier phase. Every key is
checked against the options, and every value by their ranges.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from ...errors import InputError, OptionError
from ...option_fields import Option, check_options, list_options, option, option_names
from ...system.printable_text import describe_os_error, label, printable_excerpt
from ..recipe import TASK_NAMES, UNUSED_OPTIONS, Recipe
from ..tasks.augmentation import AUGMENTATIONS

_MAX_BYTES, _MAX_PHASES = 1 << 20, 100
"""Bounds of a recipe file."""

START_PART = "start"
"""The part of a mean that is no phase: what the first phase starts from."""

_RUN_OPTIONS = ("task", "data", "out")
"""Options of `Recipe` that belong to one run, not to a recipe."""


@dataclass(frozen=True)
class ExportOptions:
    """How the network of a recipe is exported."""

    phase: str = option("", "export this phase; without a name the last one")
    calibrate: bool = option(True, "fit sharpness or temperature on held-out data")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class StoredFigures:
    """The figures of a network that a repeated training must give within the tolerance."""

    tolerance: float = option(0.002, "accept differences up to this", 0, 1)
    validation: float | None = option(None, "store the validation error of the exported phase", 0)
    evaluated: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_options(self)
        for name, value in self.evaluated.items():
            if not _is_number(value) or not 0 <= value <= 1:
                raise OptionError(
                    f"evaluated: {printable_excerpt(name, 60)} is no IoU; give a number from 0 to 1"
                )


@dataclass(frozen=True)
class Phase:
    """One phase of a training.

    Attributes
    ----------
    name : str
        Its name, also of its folder.
    options : mapping of str to Any
        The options in which it differs from the recipe, by name. `augmentation` holds tables.
    labels_part : str
        The folder below that of the labels which this phase reads; "" for all of it.
    mix, shares : tuple
        The phases whose weights are averaged, and how much each counts; empty for a training.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    labels_part: str = ""
    mix: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class RecipeFile:
    """A recipe, checked.

    Attributes
    ----------
    name : str
        Its name among the shipped recipes, or the path of its file.
    task : str
        The network that it trains.
    options : mapping of str to Any
        Options of all phases, by name.
    phases : tuple of Phase
        The phases in order; at least one.
    export : ExportOptions
        What is exported.
    figures : StoredFigures
        What the training must give.
    """

    name: str
    task: str
    options: Mapping[str, Any]
    phases: tuple[Phase, ...]
    export: ExportOptions = ExportOptions()
    figures: StoredFigures = field(default_factory=StoredFigures)

    @property
    def exported(self) -> Phase:
        """The phase that is exported."""
        wanted = self.export.phase or self.phases[-1].name
        return next(one for one in self.phases if one.name == wanted)

    def make_recipe(self, phase: Phase, given: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a phase; what is `given` (data and out among it) wins.

        Raises
        ------
        OptionError
            For a value that an option cannot have. The message names the recipe and the phase.
        """
        options = {**_join(self.options, phase.options), **given}
        labels = options.get("labels")
        if phase.labels_part and labels is not None:
            options["labels"] = Path(labels) / phase.labels_part
        try:
            return Recipe(task=self.task, **options)
        except OptionError as error:
            raise OptionError(f"{label(self.name)}: phase {phase.name}: {error}") from None


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that ship with the package."""
    return TASK_NAMES


def read_recipe_file(name: str | Path, task: str | None = None) -> RecipeFile:
    """Read a recipe that ships with the package, or a file.

    Parameters
    ----------
    name : str or Path
        The name of a shipped recipe, or the path of a TOML file.
    task : str, optional
        The network that it must be for.

    Returns
    -------
    RecipeFile

    Raises
    ------
    InputError
        For a file that cannot be read, an unknown key or a wrong value, in one line.

    Examples
    --------
    >>> [phase.name for phase in read_recipe_file("stereo").phases]
    ['pairs']
    """
    shown = str(name)
    recipe = parse_recipe(_read_bytes(name), shown)
    if task is not None and recipe.task != task:
        raise InputError(
            f"{label(shown)}: is a recipe of {recipe.task}, not of {task}; "
            f"use depthmatte train {recipe.task}"
        )
    return recipe


def parse_recipe(content: bytes, name: str) -> RecipeFile:
    """Check the content of a recipe file; `name` stands in messages."""
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{label(name)}: is no text in UTF-8; give a TOML file") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        told = printable_excerpt(str(error), 200) or "is nested too deeply"
        raise InputError(f"{label(name)}: is no TOML: {told}; mend it") from None
    try:
        return _check(table, name)
    except OptionError as error:
        raise InputError(f"{label(name)}: {error}") from None


def _read_bytes(name: str | Path) -> bytes:
    if name in shipped_recipes():
        return (files(__package__) / f"{name}.toml").read_bytes()
    path = Path(name)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else "is no path"
        names = ", ".join(shipped_recipes())
        raise InputError(f"{label(path)}: {why}; give a TOML file or one of {names}") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{label(path)}: is larger than 1 MiB; give a recipe file")
    return content


def _check(table: Mapping[str, Any], name: str) -> RecipeFile:
    """The recipe of parsed TOML; OptionError for whatever is wrong with it."""
    task = table.get("task")
    if task not in TASK_NAMES:
        raise OptionError(f"task is {_short(task)}; give {', '.join(TASK_NAMES)}")
    allowed = {one.name for one in _phase_options(task)}
    own = ("task", "phases", "export", "figures", *sorted(allowed))
    _check_names(table, own, "the file")
    options = {key: value for key, value in table.items() if key in allowed}
    _check_tables(task, options, "")
    phases = tuple(_phases(task, table.get("phases"), sorted(allowed)))
    export = _make(ExportOptions, table.get("export", {}), "[export]")
    names = [one.name for one in phases]
    if export.phase and export.phase not in names:
        raise OptionError(f"[export]: no phase {_short(export.phase)}; use {', '.join(names)}")
    if not export.phase:
        export = replace(export, phase=names[-1])
    figures = _make(StoredFigures, table.get("figures", {}), "[figures]", extra=("evaluated",))
    recipe = RecipeFile(name, task, options, phases, export, figures)
    for phase in phases:
        if not phase.mix:  # wrong values are found before the first step, not at a later phase
            _check_values(recipe, phase)
    return recipe


def _phase_options(task: str) -> list[Option]:
    unused = (*_RUN_OPTIONS, *UNUSED_OPTIONS.get(task, ()))
    return [one for one in list_options(Recipe) if one.name not in unused]


def _phases(task: str, tables: Any, allowed: Collection[str]) -> Iterator[Phase]:
    """The phases, each of which may name earlier ones only."""
    if not isinstance(tables, list) or not 0 < len(tables) <= _MAX_PHASES:
        raise OptionError(f"give 1 to {_MAX_PHASES} tables [[phases]]")
    known = [START_PART]
    for number, table in enumerate(tables, 1):
        where = f"[[phases]] {number}"
        if not isinstance(table, dict):
            raise OptionError(f"{where} is {_short(table)}; give a table")
        _check_names(table, ("name", "mix", "shares", "labels_part", *allowed), where)
        name = table.get("name")
        if not isinstance(name, str) or not name.replace("-", "").isalnum() or len(name) > 50:
            raise OptionError(f"{where}: name is {_short(name)}; give letters, digits and -")
        if name in known:
            raise OptionError(f"{where}: name {name} is used twice; give another")
        yield _phase(task, name, table, f"{where} {name}", known)
        known.append(name)


def _phase(
    task: str, name: str, table: Mapping[str, Any], where: str, known: Collection[str]
) -> Phase:
    mix, shares = table.get("mix"), table.get("shares")
    if mix is None:
        if shares is not None:
            raise OptionError(f"{where}: shares belong to a mix; give mix too")
        part = table.get("labels_part", "")
        if not isinstance(part, str) or Path(part).is_absolute() or ".." in Path(part).parts:
            raise OptionError(f"{where}: labels_part is {_short(part)}; give a folder's name")
        options = {key: value for key, value in table.items() if key not in ("name", "labels_part")}
        _check_tables(task, options, where)
        return Phase(name, options, part)
    if set(table) - {"name", "mix", "shares"}:
        raise OptionError(f"{where}: is a mix and takes no options; give name, mix and shares")
    if not isinstance(mix, list) or not mix or any(one not in known for one in mix):
        raise OptionError(f"{where}: mix is {_short(mix)}; name earlier phases or start")
    if (
        not isinstance(shares, list)
        or len(shares) != len(mix)
        or not all(_is_number(one) and 0 < one < 1e6 for one in shares)
    ):
        raise OptionError(f"{where}: shares are {_short(shares)}; give a number for each phase")
    return Phase(name, mix=tuple(mix), shares=tuple(map(float, shares)))


def _check_tables(task: str, options: Mapping[str, Any], where: str) -> None:
    """Check the keys of the tables among options: augmentation and sets."""
    inner = f"{where} " if where else ""
    _check_keys(AUGMENTATIONS[task], options.get("augmentation", {}), f"{inner}[augmentation]")
    for number, one in enumerate(options.get("sets", ()), 1):
        kind = next(found for found in list_options(Recipe) if found.name == "sets").kind
        _check_keys(get_args(kind)[0], one, f"{inner}[[sets]] {number}")


def _check_keys(kind: type, table: Any, where: str) -> None:
    """Check that a table and the tables in it hold only options of a dataclass."""
    if not isinstance(table, Mapping):
        raise OptionError(f"{where} is {_short(table)}; give a table")
    _check_names(table, option_names(kind), where)
    for one in list_options(kind):
        if isinstance(one.kind, type) and is_dataclass(one.kind) and one.name in table:
            place = where[:-1] + f".{one.name}]" if where.endswith("]") else f"{where}.{one.name}"
            _check_keys(one.kind, table[one.name], place)


def _check_names(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            raise OptionError(f"{where}: no key {_short(name)}; {hint}")


def _make(kind: Any, table: Any, where: str, extra: Collection[str] = ()) -> Any:
    if not isinstance(table, Mapping):
        raise OptionError(f"{where} is {_short(table)}; give a table")
    _check_names(table, (*option_names(kind), *extra), where)
    for name in extra:
        if not isinstance(table.get(name, {}), Mapping):
            raise OptionError(f"{where}: {name} is {_short(table[name])}; give a table")
    try:
        return kind(**table)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None


def _check_values(recipe: RecipeFile, phase: Phase) -> None:
    try:
        Recipe(recipe.task, (Path("data"),), Path("out"), **_join(recipe.options, phase.options))
    except OptionError as error:
        raise OptionError(f"phase {phase.name}: {error}") from None


def _join(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Options of which `above` wins; tables are joined key by key."""
    joined = dict(below)
    for name, value in above.items():
        old = joined.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        joined[name] = _join(old, value) if both else value  # type: ignore[arg-type]
    return joined


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return printable_excerpt(repr(value), 60) if value is not None else "missing"
