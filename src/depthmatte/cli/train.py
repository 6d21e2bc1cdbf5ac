"""`depthmatte train`: options only; the work is in `depthmatte.training` and needs torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError, MissingExtra

app = typer.Typer(
    help="Train, label and export the networks (needs the extra `train`).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Data = Annotated[Path, typer.Option(help="Folder with people/, backgrounds/, cutouts/, objects/.")]
Out = Annotated[Path, typer.Option("-o", "--out", help="Folder for checkpoint, log and plot.")]
Epochs = Annotated[int, typer.Option(min=1, help="Target epoch count.")]
Batch = Annotated[int, typer.Option(min=1, help="Photos in a step.")]
Rate = Annotated[float, typer.Option(min=0, help="Adam's first rate; cosine decay by step.")]
Encoder = Annotated[str, typer.Option(help="lite0, mobilenet, resnet or vgg.")]
EncoderRate = Annotated[float, typer.Option(help="The encoder's rate relative to the rest.")]
Freeze = Annotated[int, typer.Option(min=0, max=5, help="First encoder stages held still.")]
Preset = Annotated[str, typer.Option(help="Canvas HEIGHTxWIDTH, multiples of 32.")]
StopLoss = Annotated[float, typer.Option(help="Stop when an epoch's loss is at most this.")]
Patience = Annotated[int, typer.Option(help="Stop after so many epochs without 1 % gain; 0: off.")]
Seed = Annotated[int, typer.Option(help="Same seed, same samples.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads for torch; 0: its default.")]
Start = Annotated[Path | None, typer.Option(help="Checkpoint to start the weights from.")]
Labels = Annotated[Path | None, typer.Option(help="Folder of `train labels TASK`.")]
Strength = Annotated[float, typer.Option(min=0, max=1, help="How strong augmentation is.")]
Limit = Annotated[int, typer.Option(min=0, help="Batches in an epoch at most; 0 is all.")]
Passes = Annotated[int, typer.Option(min=1, help="How often an epoch goes through everything.")]
Minutes = Annotated[float, typer.Option(min=0, help="Time the run may take; 0: no bound.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that make samples.")]
Landscape = Annotated[float, typer.Option(min=0, max=1, help="Share of landscape batches.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from OUT/last.pt.")]


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra("training", "train")


def _size(text: str) -> tuple[int, int]:
    """HEIGHTxWIDTH as numbers; InputError unless both are multiples of 32."""
    rows, _, columns = text.lower().partition("x")
    if not (rows.isdigit() and columns.isdigit()):
        raise InputError(f"--preset {text}: is not HEIGHTxWIDTH; write for example 480x352")
    size = int(rows), int(columns)
    if min(size) < 64 or size[0] % 32 or size[1] % 32:
        raise InputError(f"--preset {text}: needs multiples of 32, 64 or more")
    return size


def _trainer(task: str, about: str) -> Callable[..., None]:
    """The command that trains one network; all take the same options."""

    def run(
        data: Data,
        out: Out = Path("work") / task,
        epochs: Epochs = 16,
        batch: Batch = 8,
        rate: Rate = 1e-3,
        encoder: Encoder = "lite0",
        encoder_rate: EncoderRate = 1.0,
        freeze: Freeze = 0,
        preset: Preset = "480x352",
        stop_loss: StopLoss = 0.0,
        patience: Patience = 0,
        seed: Seed = 0,
        threads: Threads = 0,
        start: Start = None,
        labels: Labels = None,
        strength: Strength = 1.0,
        landscape: Landscape = 0.2,
        limit: Limit = 0,
        passes: Passes = 1,
        minutes: Minutes = 0.0,
        workers: Workers = 1,
        resume: Resume = False,
    ) -> None:
        _need_torch()
        from ..training.train import Recipe, train

        recipe = Recipe(
            task=task,
            data=data,
            out=out,
            epochs=epochs,
            batch=batch,
            rate=rate,
            encoder=encoder,
            encoder_rate=encoder_rate,
            freeze=freeze,
            preset=_size(preset),
            stop_loss=stop_loss,
            patience=patience,
            seed=seed,
            threads=threads,
            start=start,
            labels=labels,
            strength=strength,
            landscape=landscape,
            limit=limit,
            passes=passes,
            minutes=minutes,
            workers=workers,
        )
        checkpoint = train(recipe, report=typer.echo, resume=resume)
        typer.echo(f"checkpoint {checkpoint}")

    run.__doc__ = about
    return run


app.command("matte")(
    _trainer(
        "matte",
        """Train the portrait network on photos with masks.

        Example: depthmatte train matte --data DATA -o work/matte --epochs 8
        """,
    )
)
app.command("depth")(
    _trainer(
        "depth",
        """Train the monocular depth network on composite scenes, photos and weak labels.

        Example: depthmatte train depth --data DATA --labels work/labels -o work/depth
        """,
    )
)
app.command("stereo")(
    _trainer(
        "stereo",
        """Train the binocular depth network on generated pairs.

        Example: depthmatte train stereo --data DATA --preset 320x192 --landscape 1 -o work/stereo
        """,
    )
)
app.command("fuse")(
    _trainer(
        "fuse",
        """Train the fusion network on maps made by `train maps`, given as --labels.

        Example: depthmatte train fuse --data DATA --labels work/maps -o work/fuse
        """,
    )
)


@app.command()
def labels(
    task: Annotated[str, typer.Argument(help="matte or depth.")],
    data: Data,
    teacher: Annotated[Path, typer.Option(help="The teacher's ONNX file.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the labels.")] = Path(
        "work/labels"
    ),
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Make labels for the training photos with a third-party teacher network.

    depth: minus log disparity (Tiefenrausch); matte: soft alpha of street photos (MODNet).
    """
    _need_torch()
    from ..training import teacher as teachers

    if task not in ("matte", "depth"):
        raise InputError(f"labels {task!r}: is unknown; use matte or depth")
    if task == "depth":
        made = teachers.label_depth(teachers.depth_material(data), teacher, out, threads)
    else:
        made = teachers.label_matte(teachers.matte_material(data), teacher, out, threads)
    typer.echo(f"{made} labels made in {out}")


@app.command()
def maps(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the maps.")] = Path(
        "work/maps"
    ),
    count: Annotated[int, typer.Option(min=1, help="Training scenes to draw.")] = 600,
    mixed: Annotated[
        int, typer.Option("--composites", min=0, help="People put into other photos.")
    ] = 600,
    beside: Annotated[
        float, typer.Option(min=0, max=1, help="Share of composites of several people.")
    ] = 0.25,
    crowded: Annotated[
        float, typer.Option(min=0, max=1, help="Share of composites before strangers.")
    ] = 0.7,
    tall: Annotated[
        bool, typer.Option("--tall", help="Strangers are nearly as tall as the portrait.")
    ] = False,
    seed: Seed = 0,
    matte: Annotated[str, typer.Option("--matte-network", help="Matte network.")] = "matte",
    depth: Annotated[str, typer.Option("--depth-network", help="Depth network.")] = "depth",
    pairs: Annotated[str, typer.Option("--stereo-network", help="network or sgbm.")] = "network",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Draw scenes and composites; keep what matte network, sensors and stereo say of them.

    Example: depthmatte train maps --data DATA -o work/maps --count 600
    """
    _need_torch()
    from ..training.fusion_maps import COMPANY, TALL, make_maps

    networks = {"matte": matte, "depth": depth, "pairs": pairs}
    company = replace(COMPANY, beside=beside, behind=crowded)
    company = replace(company, farther=TALL) if tall else company
    made = make_maps(
        data, out, count, seed, threads, typer.echo, mixed=mixed, company=company, **networks
    )
    typer.echo(f"{made} maps made in {out}")


@app.command()
def mix(
    checkpoints: Annotated[list[Path], typer.Argument(help="OUT/last.pt of several phases.")],
    shares: Annotated[str, typer.Option(help="One number a checkpoint, with commas.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The mixed checkpoint.")],
) -> None:
    """Average the weights of several phases of one network.

    Example: depthmatte train mix a/last.pt b/last.pt --shares 1,3 -o mixed.pt
    """
    _need_torch()
    from ..training.mix import mix as average

    try:
        numbers = [float(word) for word in shares.split(",")]
    except ValueError:
        raise InputError(f"--shares {shares}: are no numbers; write for example 1,3") from None
    typer.echo(f"checkpoint {average(checkpoints, numbers, out)}")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="OUT/last.pt of a run.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .onnx file.")],
    command: Annotated[
        str, typer.Option(help="What trained it, stored in the file; default: the recipe.")
    ] = "",
    data: Annotated[Path | None, typer.Option(help="Data folder, to calibrate with.")] = None,
) -> None:
    """Write a checkpoint as ONNX with its contract, after proving that both agree."""
    _need_torch()
    from ..training.export import export_run

    parity = export_run(checkpoint, out, command, data)
    typer.echo(f"{out}: differs from torch by at most {parity:.2g}")
