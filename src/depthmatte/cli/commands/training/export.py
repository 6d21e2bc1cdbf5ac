"""`depthmatte train export` and `quantize`: write network files in a chosen precision."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....networks.contract import DEFAULT_PRECISION, PRECISIONS
from .recipe import require_packages

export_app = typer.Typer(rich_markup_mode=None)

_CHOICES = f"Store in this precision: {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}."

_Out = Annotated[Path, typer.Option("-o", "--out", help="Write this .onnx file.")]
_Labels = Annotated[
    Path | None,
    typer.Option(help="Calibrate an int8 fuse network with this output of `train maps`."),
]


@export_app.command("export")
def export_command(
    checkpoint: Annotated[
        Path, typer.Argument(help="Export this checkpoint (OUT/best.pt or last.pt of a run).")
    ],
    out: _Out,
    command: Annotated[
        str, typer.Option(help="Store this training command; without it the recipe is stored.")
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="Calibrate with this data folder. int8 needs it.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help=f"{_CHOICES} Default: {DEFAULT_PRECISION}, or float32 where rounding the weights "
            "changes the output too much."
        ),
    ] = None,
    labels: _Labels = None,
) -> None:
    """Write a checkpoint as an ONNX file with a contract, and verify that both agree.

    Example: depthmatte train export work/matte/best.pt -o matte.onnx --data DATA
    """
    require_packages("torch", "onnx", "onnxscript")
    from ....networks.network import Network
    from ....training.export import export_checkpoint

    parity = export_checkpoint(checkpoint, out, command, data, precision, labels)
    if parity is None:
        typer.echo(f"{out}: {_quality_line(out)}")
    else:
        stored = Network(out, threads=1).contract.precision
        typer.echo(f"{out}: {stored}, differs from torch by at most {parity:.2g}")


@export_app.command("quantize")
def quantize_command(
    network: Annotated[
        str, typer.Argument(help="Convert this network: a shipped name or an .onnx file.")
    ],
    out: _Out,
    precision: Annotated[str, typer.Option(help=_CHOICES)] = "int8",
    data: Annotated[
        Path | None,
        typer.Option(help="Calibrate and measure with this data folder. int8 needs it."),
    ] = None,
    labels: _Labels = None,
) -> None:
    """Write a network file in another precision, and prove it.

    Example: depthmatte train quantize matte -o matte-int8.onnx --data DATA
    """
    require_packages("torch", "onnx")
    from ....training.quantize import quantize_network

    report = quantize_network(network, out, precision, data, labels)
    share = report.bytes_after / report.bytes_before
    typer.echo(f"{out}: {report.bytes_after / 1e6:.2f} MB, {share:.0%} of the original")
    if report.parity is not None:
        typer.echo(f"{out}: differs from the original by at most {report.parity:.2g}")
    if report.after is not None:
        typer.echo(f"{out}: {_quality_line(out)}")


def _quality_line(out: Path) -> str:
    """The quality that an exported file's contract states, beside its original's."""
    from ....networks.network import Network

    numbers = Network(out, threads=1).contract.numbers
    return ", ".join(
        f"{name} {value:.4f}" for name, value in numbers.items() if name.startswith("held-out")
    )
