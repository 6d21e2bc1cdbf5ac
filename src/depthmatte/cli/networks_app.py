"""Declare `depthmatte networks` and its commands."""

from __future__ import annotations

from typing import Annotated

import typer

networks_app = typer.Typer(
    help="List and pull networks, and choose among the shipped and those trained here.",
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


@networks_app.command("pull")
def networks_pull_command(
    source: Annotated[
        str, typer.Argument(metavar="URL|PATH", help="URL#sha256=HEX, or an ONNX file.")
    ],
    name: Annotated[
        str | None, typer.Option(help="Give it this name; without it that of the file.")
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(metavar="HEX", help="Verify this SHA-256 of the file.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another network of this name.")
    ] = False,
    json: _Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Fetch a network, verify it, and install it under a name.

    A download that was stopped goes on where it ended when the command runs again.

    Example: depthmatte networks pull portrait.onnx --name portrait
    """
    from .commands.networks import pull
    from .output import Reporter

    pull(source, name, sha256, replace, Reporter("json" if json else "quiet" if quiet else "lines"))


@networks_app.command("remove")
def networks_remove_command(name: _Name) -> None:
    """Remove a network that was pulled.

    Example: depthmatte networks remove portrait
    """
    from .commands.networks import remove

    remove(name)


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
