"""Declare `depthmatte networks` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

networks_app = typer.Typer(
    help="List the networks, and choose among the shipped and those trained here.",
    rich_markup_mode=None,
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
_Verify = Annotated[bool, typer.Option("--verify", help="Verify every checksum.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the network, such as matte.")]


@networks_app.callback(invoke_without_command=True)
def _without_command(context: typer.Context, json: _Json = False, verify: _Verify = False) -> None:
    if context.invoked_subcommand is None:
        networks_list_command(json, verify)


@networks_app.command("list")
def networks_list_command(json: _Json = False, verify: _Verify = False) -> None:
    """List the networks with license, size, checksum and metrics.

    `depthmatte networks` without a command does the same.
    """
    from .commands.networks import list_networks

    raise typer.Exit(0 if list_networks(json, verify) else 1)


@networks_app.command("show")
def networks_show_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names or .onnx files.")],
    json: _Json = False,
) -> None:
    """Show all that a network's file says: input, numbers, recipe, hashes and licenses of data.

    Example: depthmatte networks show matte mine.onnx
    """
    from .commands.networks import show_networks

    show_networks(names, json)


@networks_app.command("current")
def networks_current_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names; without any, all.")
    ] = None,
    json: _Json = False,
) -> None:
    """Say which network a name means now: the shipped one, or one trained on this machine."""
    from .commands.networks import print_current

    print_current(names or (), json)


@networks_app.command("rollback")
def networks_rollback_command(name: _Name = "matte") -> None:
    """Go back to the network that was current before, in the end to the shipped one."""
    from .commands.networks import roll_back

    roll_back(name)


@networks_app.command("use")
def networks_use_command(
    name: _Name,
    number: Annotated[
        int,
        typer.Argument(min=0, max=9999, metavar="NUMBER", help="Its number; 0 is the shipped one."),
    ],
) -> None:
    """Make a network that was trained on this machine the current one, by hand.

    Example: depthmatte networks use matte 2
    """
    from .commands.networks import choose_network

    choose_network(name, number)
