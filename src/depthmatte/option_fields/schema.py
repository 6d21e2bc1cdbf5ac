"""JSON schema, JSON values and Markdown tables of options."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from .declaration import Option, list_options, literal_words, type_noun


def json_schema(cls: type) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a dataclass of options."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(cls)}


def to_json_values(instance: Any) -> dict[str, Any]:
    """Return the options of an instance as JSON values, which its class takes as keywords.

    A number that is not finite has no form in JSON. It is always the default and is left out.
    """
    held = {one.name: getattr(instance, one.name) for one in list_options(type(instance))}
    return {name: _json(value) for name, value in held.items() if _has_json(value)}


def markdown_table(cls: type, flags: bool = False, only: Collection[str] | None = None) -> str:
    """Return a Markdown table of options: option, takes, default, meaning.

    Parameters
    ----------
    cls : type
        A dataclass of options.
    flags : bool
        List the flags of the command line instead of names; options without one are left out.
    only : collection of str, optional
        Names of the options to list. By default all are listed.
    """
    rows = ["| option | takes | default | meaning |", "|---|---|---|---|"]
    for one in list_options(cls):
        spelled = one.flags if flags else (one.name,)
        if spelled and (only is None or one.name in only):
            switch = flags and one.kinds == (bool,)
            default = (
                {True: "on", False: "off"}[one.default] if switch else one.format_value(one.default)
            )
            cells = [
                ", ".join(f"`{name}`" for name in spelled),
                f"`--no-{spelled[-1][2:]}` is off" if switch else one.describe_values("`"),
                f"`{default}`" if default else "",
                one.help,
            ]
            rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows)


_TABLE_MARK = re.compile(r"(<!-- options: (?P<name>[^>]*?) -->\n).*?(<!-- /options -->)", re.DOTALL)
"""A table between its two marks in a page of the docs."""


def fill_tables(page: str, tables: Mapping[str, str]) -> str:
    """Return the text of a page with every marked table replaced; KeyError for unknown names."""
    return _TABLE_MARK.sub(lambda m: f"{m[1]}\n{tables[m['name']]}\n\n{m[3]}", page)


def rewrite_tables(page: Path, tables: Mapping[str, str]) -> bool:
    """Replace the marked tables in a page and return whether the page changed."""
    if has_current_tables(page, tables):
        return False
    page.write_text(fill_tables(page.read_text("utf-8"), tables), "utf-8")
    return True


def has_current_tables(page: Path, tables: Mapping[str, str]) -> bool:
    """Return whether the marked tables of a page are up to date."""
    text = page.read_text("utf-8")
    return fill_tables(text, tables) == text


def _object(cls: type) -> dict[str, Any]:
    required = [one.name for one in list_options(cls) if one.is_required]
    return {
        "title": cls.__name__,
        "description": (cls.__doc__ or "").strip().split("\n\n")[0],
        "type": "object",
        "properties": {one.name: _property(one) for one in list_options(cls)},
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _property(one: Option) -> dict[str, Any]:
    forms = [_form(kind, one) for kind in one.kinds]
    if len(forms) > 1:
        held: dict[str, Any] = {"anyOf": forms + ([{"type": "null"}] if one.is_optional else [])}
    else:
        held = forms[0]
        if one.is_optional:
            held["type"] = [held["type"], "null"]
        if one.is_optional and "enum" in held:
            held["enum"] = [*held["enum"], None]
    notes = "".join(f"; {word}: {note}" for word, note in one.choices.items() if note)
    unit = f" ({one.metadata['unit']})" if one.metadata.get("unit") else ""
    held = {**held, "description": one.help + unit + notes}
    given = not one.is_required and _has_json(one.default)
    return held | ({"default": _json(one.default)} if given else {})


def _form(kind: Any, one: Option) -> dict[str, Any]:
    """Return the schema of one type of an option."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        size = {} if inner[-1] is Ellipsis else {"minItems": len(inner), "maxItems": len(inner)}
        return {"type": "array", "items": _form(inner[0], one), **size}
    if is_dataclass(kind):
        return _object(kind)  # type: ignore[arg-type]
    if kind is str or literal_words(kind):
        limits = {
            "enum": list(one.choices),
            "pattern": one.metadata.get("pattern"),
            "examples": list(one.metadata.get("examples", ())),
        }
        return {"type": "string"} | {key: value for key, value in limits.items() if value}
    if kind in (int, float):
        bounds = {"minimum": "min", "maximum": "max", "exclusiveMinimum": "above"}
        given = {name: one.metadata.get(key) for name, key in bounds.items()}
        held = {name: value for name, value in given.items() if value is not None}
        return {"type": "integer" if kind is int else "number", **held}
    if kind is bool:
        return {"type": "boolean"}
    return {"type": "string", "format": type_noun(kind).split()[-1]}


def _has_json(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    if is_dataclass(value):
        return to_json_values(value)
    return str(value) if isinstance(value, Path) else value
