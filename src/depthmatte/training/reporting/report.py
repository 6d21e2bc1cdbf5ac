"""The report of a run: report.html, one file without requests to anywhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from ...canvas import resize, scale_shape
from ...errors import InputError
from ...evaluation.metrics import METRICS
from ...evaluation.tiles import add_frame, caption_tile, join_row
from ...io.photo.photo_writer import to_8bit
from ...option_fields import list_options, option_names
from ...system.atomic_write import atomic_draft
from ...system.html_page import Cell, HtmlPage
from ...system.printable_text import label
from ...types import RGB, Float
from ..checkpoint import read_checkpoint
from ..recipe import Recipe
from ..run import make_start_network
from ..tasks.registry import TRAINING_TASKS
from ..tasks.task import HeldOutCase, MaterialOptions
from .curves import draw_reliability, plot_log
from .events import format_duration
from .held_out import SHOWN_METRICS, HeldOutFigures, measure_held_out

_WORST_CASES = 12
_TILE_SIDE_PX = 240


def write_report(out: Path, tell: Callable[[str], None] = lambda text: None) -> Path:
    """Write OUT/report.html: figures, curves, worst cases, calibration, recipe and data.

    The network with the least validation error is measured on the validation photos, and the one
    that the run started from if its recipe names one (`start`).

    Parameters
    ----------
    out : Path
        Folder of a run.
    tell : callable
        Called with one line where a part of the report cannot be made.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    InputError
        Where the folder holds no run.
    """
    state = read_checkpoint(out / "last.pt", resumed=True)
    page = HtmlPage(f"Training of {state['recipe']['task']}: {out.name}")
    page.add_text(_summarize(state), quiet=True)
    after, before = _measure(out, state, page, tell)
    if after:
        _add_figures(page, after, before)
    page.add_heading("Curves")
    plot = out / "log.png"
    if not plot.exists():
        plot_log(plot, state.get("log", []), state.get("step_log", []))
    page.add_png(plot.read_bytes(), "Loss, its terms, validation error and learning rate")
    if after and after.kept:
        _add_worst_cases(page, after, before)
    if after and after.reliability:
        page.add_heading("Calibration")
        page.add_png(
            _draw_png(draw_reliability(after.reliability)),
            "Predicted against observed share of foreground. ECE is the expected calibration "
            "error. The area of a dot is its share of the pixels.",
        )
    _add_recipe(page, state["recipe"])
    _add_data(page, state.get("data", {}))
    path = out / "report.html"
    with atomic_draft(path) as draft:
        draft.write_text(str(page), "utf-8")
    return path


def _draw_png(figure: Figure) -> bytes:
    """Return a plot as the content of a PNG file."""
    held = io.BytesIO()
    figure.savefig(held, dpi=110, format="png")
    return held.getvalue()


def _summarize(state: Mapping[str, Any]) -> str:
    rows = [row for row in state.get("log", []) if "validation" in row]
    parts = [f"{state['step']} steps in {format_duration(state.get('spent', 0.0))}"]
    if rows:
        least = min(rows, key=lambda row: row["validation"])
        parts.append(f"least validation error {least['validation']:.4f} in epoch {least['epoch']}")
    return f"{', '.join(parts)}. {(state.get('finished') or 'not finished').capitalize()}."


def _measure(
    out: Path, state: Mapping[str, Any], page: HtmlPage, tell: Callable[[str], None]
) -> tuple[HeldOutFigures | None, HeldOutFigures | None]:
    """Figures of the best weights and of the start; None where there are none to have."""
    known = {
        name: state["recipe"][name] for name in option_names(Recipe) if name in state["recipe"]
    }
    recipe = Recipe(**known)
    task = TRAINING_TASKS[recipe.task]
    if task.predictor is None:
        return None, None
    best = out / "best.pt"
    weights = read_checkpoint(best)["mean"] if best.exists() else state["mean"]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    after = before = None
    try:
        predict = task.predictor(MaterialOptions.from_recipe(recipe))
        network: nn.Module = task.network(recipe.encoder)
        network.load_state_dict(weights)
        after = measure_held_out(predict(network.to(device)), worst=_WORST_CASES)
        if recipe.start:
            start = make_start_network(recipe, task).to(device)
            before = measure_held_out(predict(start), kept=after.kept)
    except InputError as error:
        tell(f"report: a part is left out: {error}")
        page.add_text(f"A part is left out: {error}")
    return after, before


def _add_figures(page: HtmlPage, after: HeldOutFigures, before: HeldOutFigures | None) -> None:
    page.add_heading("Validation photos")
    if before is None:
        page.add_text("Means over the photos of each set.", quiet=True)
    else:
        page.add_text("Means over the photos of each set: start → now.", quiet=True)
    rows: list[list[Cell]] = []
    for name, numbers in after.sets.items():
        row: list[Cell] = [name, str(after.counts[name])]
        for metric in SHOWN_METRICS:
            text = f"{numbers[metric]:.4f}"
            old = before.sets.get(name, {}).get(metric) if before else None
            if old is None or f"{old:.4f}" == text:
                row.append(text if old is None else f"{text} → {text}")
                continue
            higher = METRICS[metric].better == "higher"
            is_better = (numbers[metric] > old) == higher
            row.append((f"{old:.4f} → {text}", "better" if is_better else "worse"))
        rows.append(row)
    titles = [f"{METRICS[name].title} ({METRICS[name].better} is better)" for name in SHOWN_METRICS]
    page.add_table(["set", "photos", *titles], rows)


def _add_worst_cases(page: HtmlPage, after: HeldOutFigures, before: HeldOutFigures | None) -> None:
    page.add_heading("Worst cases")
    page.add_text("The validation photos of the lowest IoU. The error is bright.", quiet=True)
    for place in sorted(after.kept, key=after.scores.__getitem__):
        case = after.kept[place]
        old = before.kept.get(place) if before else None
        score = f"IoU {after.scores[place]:.3f}"
        if before:
            score += f", at the start {before.scores[place]:.3f}"
        page.add_picture(_draw_case(case, old), f"{case.group}/{case.name}: {score}")


def _draw_case(case: HeldOutCase, old: HeldOutCase | None) -> RGB:
    """Photo, truth, alpha of the start where there is one, alpha now, and its error."""
    pictures = {"photo": case.rgb, "truth": _to_gray(case.truth)}
    if old:
        pictures["alpha at the start"] = _to_gray(old.alpha)
    pictures["alpha now"] = _to_gray(case.alpha)
    pictures["error"] = _color_error(np.abs(case.alpha - case.truth))
    shape = scale_shape(case.truth.shape, _TILE_SIDE_PX / max(case.truth.shape))
    tiles = [caption_tile(resize(picture, shape), text) for text, picture in pictures.items()]
    return add_frame(join_row(tiles))


def _to_gray(values: Float) -> RGB:
    return np.repeat(to_8bit(values)[..., None], 3, axis=2)


def _color_error(error: Float) -> RGB:
    colored = cv2.applyColorMap(to_8bit(error), cv2.COLORMAP_INFERNO)
    return np.asarray(cv2.cvtColor(colored, cv2.COLOR_BGR2RGB), np.uint8)


def _add_recipe(page: HtmlPage, recipe: Mapping[str, Any]) -> None:
    page.add_heading("Recipe")
    about = {one.name: one.help for one in list_options(Recipe)}
    rows = [[name, str(value), about.get(name, "")] for name, value in recipe.items()]
    page.add_table(["option", "value", "meaning"], rows, words=True)


def _add_data(page: HtmlPage, data: Mapping[str, Any]) -> None:
    page.add_heading("Data")
    if not data:
        page.add_text("The checkpoint has no list of the data.")
        return
    page.add_text(f"Folder {label(data['folder'])}. Samples are drawn by share.", quiet=True)
    rows = [
        [name, str(numbers["items"]), f"{numbers['per epoch']:g}"]
        for name, numbers in data["sets"].items()
    ]
    page.add_table(["set", "items", "samples per epoch"], rows)
