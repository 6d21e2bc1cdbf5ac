"""Flags of the command line, made from dataclasses of options.

::

    @app.command()
    @flags(CutOptions)
    def cut(paths: Paths, options: CutOptions) -> None: ...

The parameter `options` becomes one flag for each option of its class; help, choices, ranges
and defaults are the fields'. What the user did not give is left to the dataclass. `--help`
reads the dataclass, so its module imports no heavy package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ..fields import Option, list_options, parse_option_value

_METAVARS = {int: "INTEGER", float: "FLOAT", Path: "PATH"}


def option_flags(
    *classes: type,
    only: Collection[str] | None = None,
    fixed: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: a command's parameters of these classes become flags.

    Parameters
    ----------
    *classes : type
        Dataclasses of options (`depthmatte.fields`). A parameter is known by its annotation.
    only : collection of str, optional
        The options that become flags; the others keep their defaults.
    fixed : mapping, optional
        Option -> value that the command decides; it has no flag.
    defaults : mapping, optional
        Option -> this command's own default.

    Returns
    -------
    callable
        Makes a function for `typer.Typer.command`. It calls the command with instances.

    Raises
    ------
    TypeError
        When two classes have an option of one name, or no parameter is of a class.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(command, include_extras=True)
        held = {name: kind for name, kind in hints.items() if kind in classes and name != "return"}
        if set(held.values()) != set(classes):
            raise TypeError(f"{command.__name__} has not one parameter of each of {classes}")
        shown = {
            name: [one for one in list_options(kind) if _has_flag(one, only, fixed or {})]
            for name, kind in held.items()
        }
        own = {**(defaults or {})}

        def run(**given: Any) -> Any:
            values = {name: _take_values(shown[name], given) for name in held}
            for name, kind in held.items():
                base = {
                    one.name: chosen[one.name]
                    for one in list_options(kind)
                    for chosen in (fixed or {}, own)
                    if one.name in chosen
                }
                given[name] = kind(**{**base, **values[name]})
            return command(**given)

        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name in held:
                parameters += [_make_parameter(one, own) for one in shown[parameter.name]]
            else:
                parameters.append(
                    parameter.replace(
                        annotation=hints.get(parameter.name, parameter.annotation),
                        kind=inspect.Parameter.KEYWORD_ONLY,
                    )
                )
        _copy_signature(run, command, parameters)
        return run

    return decorate


def flag_help(flag_option: Option, default: Any = ...) -> str:
    """What a flag's help says: the option's phrase, what it takes, its default."""
    told = bool(flag_option.choices or flag_option.metadata.get("takes")) or {
        *flag_option.kinds
    } & {int, float}
    value = flag_option.default if default is ... else default
    shown = flag_option.format_value(value)
    if flag_option.kinds == (bool,):
        shown = "on" if value else ""
    sentence = (
        flag_option.help[:1].upper()
        + flag_option.help[1:]
        + (f": {flag_option.takes}." if told else ".")
    )
    return sentence + (f" Default: {shown}." if shown else "")


def _has_flag(one: Option, only: Collection[str] | None, fixed: Mapping[str, Any]) -> bool:
    return bool(one.flags) and one.name not in fixed and (only is None or one.name in only)


def _make_parameter(one: Option, own: Mapping[str, Any]) -> inspect.Parameter:
    """The flag of one option as typer reads it. None stands for "not given"."""
    flag = one.kinds == (bool,)
    required = one.is_required and one.name not in own
    about = typer.Option(
        *(_switch_names(one) if flag else one.flags),
        help=flag_help(one, own.get(one.name, ...)),
        show_default=False,
        metavar=None if flag else _metavar(one),
        autocompletion=_completer(one),
    )
    kind: Any = bool if flag else list[str] if one.metadata.get("repeat") else str
    return inspect.Parameter(
        one.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=Annotated[kind if required else kind | None, about],
    )


def _completer(one: Option) -> Callable[[], list[str]] | None:
    """What a shell offers as values; None where it offers files."""
    words = list(one.choices)
    return (lambda: words) if words else None


def _switch_names(one: Option) -> Iterator[str]:
    """`--tall/--no-tall`, the short names first."""
    for name in one.flags:
        yield f"{name}/--no-{name[2:]}" if name.startswith("--") else name


def _metavar(one: Option) -> str:
    given = one.metadata.get("metavar")
    return str(given or _METAVARS.get(one.kinds[0], "TEXT"))


def _take_values(shown: list[Option], given: dict[str, Any]) -> dict[str, Any]:
    """The values that the user gave, taken out of `given`; errors name the flag."""
    found = {}
    for one in shown:
        text = given.pop(one.name)
        if isinstance(text, str):
            found[one.name] = parse_option_value(
                one, text, next(f for f in one.flags if f.startswith("--"))
            )
        elif isinstance(text, list):
            found[one.name] = tuple(text)
        elif text is not None:
            found[one.name] = text
    return found


def _copy_signature(run: Any, command: Any, parameters: list[inspect.Parameter]) -> None:
    """Give `run` the looks of the command, with the flags as its parameters."""
    doubled = {one.name for one in parameters if [p.name for p in parameters].count(one.name) > 1}
    if doubled:
        raise TypeError(f"{command.__name__}: two classes have an option {', '.join(doubled)}")
    run.__name__, run.__qualname__ = command.__name__, command.__qualname__
    run.__doc__, run.__module__ = command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {one.name: one.annotation for one in parameters}
