"""Make flags of the command line from dataclasses of options.

::

    @app.command()
    @option_flags(CutOptions)
    def cut(paths: Paths, options: CutOptions) -> None: ...

The parameter `options` becomes one flag for each option of its class. Help, choices, ranges and
defaults come from the fields. Flags that are not given keep the default of the dataclass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from ..option_fields import Option, list_options, parse_option_value

_METAVARS = {int: "INTEGER", float: "FLOAT", Path: "PATH"}


class GivenFlags(dict[str, Any]):
    """Option -> value of the flags that were typed on the command line."""


def option_flags(
    *classes: type,
    only: Collection[str] | None = None,
    fixed: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a command so that its parameters of these classes become flags.

    Parameters
    ----------
    *classes : type
        Dataclasses of options (`depthmatte.option_fields`). The annotation identifies a parameter.
    only : collection of str, optional
        Options that become flags. The others keep their defaults.
    fixed : mapping of str to Any, optional
        Option -> value that the command sets. It has no flag.
    defaults : mapping of str to Any, optional
        Option -> default of this command.

    A parameter of the type `GivenFlags` takes the values of the flags that were typed.

    Returns
    -------
    callable
        A decorator that makes a function for `typer.Typer.command`.

    Raises
    ------
    TypeError
        When two classes share the name of an option, or a class has no parameter.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(command, include_extras=True)
        held = {name: kind for name, kind in hints.items() if kind in classes and name != "return"}
        asking = [name for name, kind in hints.items() if kind is GivenFlags]
        if set(held.values()) != set(classes):
            raise TypeError(f"{command.__name__} needs one parameter of each of {classes}")
        shown = {
            name: [one for one in list_options(kind) if _has_flag(one, only, fixed or {})]
            for name, kind in held.items()
        }
        own_defaults = {**(defaults or {})}

        def run(**given: Any) -> Any:
            values = {name: _take_values(shown[name], given) for name in held}
            for name, kind in held.items():
                base = {
                    one.name: chosen[one.name]
                    for one in list_options(kind)
                    for chosen in (fixed or {}, own_defaults)
                    if one.name in chosen
                }
                given[name] = kind(**{**base, **values[name]})
            typed = {name: value for part in values.values() for name, value in part.items()}
            return command(**given, **{name: GivenFlags(typed) for name in asking})

        parameters = []
        for parameter in inspect.signature(command).parameters.values():
            if parameter.name in held:
                parameters += [_make_parameter(one, own_defaults) for one in shown[parameter.name]]
            elif parameter.name not in asking:
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
    """Return the help of a flag: the phrase of the option, what it takes, and its default."""
    shows_values = bool(flag_option.choices or flag_option.metadata.get("takes")) or {
        *flag_option.kinds
    } & {int, float}
    value = flag_option.default if default is ... else default
    shown = flag_option.format_value(value)
    if flag_option.kinds == (bool,):
        shown = "on" if value else ""
    sentence = (
        flag_option.help[:1].upper()
        + flag_option.help[1:]
        + (f": {flag_option.takes}." if shows_values else ".")
    )
    return sentence + (f" Default: {shown}." if shown else "")


def _has_flag(one: Option, only: Collection[str] | None, fixed: Mapping[str, Any]) -> bool:
    return bool(one.flags) and one.name not in fixed and (only is None or one.name in only)


def _make_parameter(one: Option, defaults: Mapping[str, Any]) -> inspect.Parameter:
    """Make the typer parameter of an option. None means that the flag was not given."""
    flag = one.kinds == (bool,)
    required = one.is_required and one.name not in defaults
    about = typer.Option(
        *(_switch_names(one) if flag else one.flags),
        help=flag_help(one, defaults.get(one.name, ...)),
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
    """Return what the shell completes; None to complete file names."""
    words = list(one.choices)
    return (lambda: words) if words else None


def _switch_names(one: Option) -> Iterator[str]:
    """Yield the names of a switch, such as `--tall/--no-tall`."""
    for name in one.flags:
        yield f"{name}/--no-{name[2:]}" if name.startswith("--") else name


def _metavar(one: Option) -> str:
    given = one.metadata.get("metavar")
    return str(given or _METAVARS.get(one.kinds[0], "TEXT"))


def _take_values(shown: list[Option], given: dict[str, Any]) -> dict[str, Any]:
    """Remove the values of these options from `given` and parse them; errors name the flag."""
    found = {}
    for one in shown:
        text = given.pop(one.name)
        flag = next(f for f in one.flags if f.startswith("--"))
        if isinstance(text, str):
            found[one.name] = parse_option_value(one, text, flag)
        elif isinstance(text, list) and one.metadata.get("read"):
            # Each use of the flag gives some of the values.
            found[one.name] = tuple(
                value for part in text for value in parse_option_value(one, part, flag)
            )
        elif isinstance(text, list):
            found[one.name] = tuple(text)
        elif text is not None:
            found[one.name] = text
    return found


def _copy_signature(run: Any, command: Any, parameters: list[inspect.Parameter]) -> None:
    """Copy name and docstring of the command to `run`, with the flags as its parameters."""
    names = [one.name for one in parameters]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise TypeError(f"{command.__name__}: two classes have an option {', '.join(duplicates)}")
    run.__name__, run.__qualname__ = command.__name__, command.__qualname__
    run.__doc__, run.__module__ = command.__doc__, command.__module__
    run.__signature__ = inspect.Signature(parameters)
    run.__annotations__ = {one.name: one.annotation for one in parameters}
