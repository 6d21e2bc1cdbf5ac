"""`depthmatte feedback`: add, list, show and remove corrected masks; undo an adoption."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from ...errors import DepthmatteError, InputError, OptionError
from ...feedback.mask_input import read_corrected_mask
from ...feedback.sample_list import FeedbackSample, find_sample, list_samples
from ...feedback.sample_sheet import draw_sample_sheet
from ...feedback.store import remove_sample, store_sample
from ...io.photo.photo_reader import read
from ...io.photo.photo_writer import write
from ...session import Session
from ...system.atomic_write import check_writable
from ...system.printable_text import label
from ..output import Reporter


def add_samples(
    photos: Sequence[Path],
    mask: Path,
    store: Path | None,
    note: str,
    resize_mask: bool,
    reporter: Reporter,
) -> bool:
    """Store photos with masks; return False when one of them failed.

    `mask` is the mask of one photo, or a folder with a mask of each photo's name.
    """
    pairs = [(photo, _find_mask(photo, mask, len(photos))) for photo in photos]
    failed = 0
    for photo, found in pairs:
        try:
            stored = store_sample(
                photo,
                found,
                store=store,
                source="feedback add",
                note=note,
                resize_mask=resize_mask,
            )
        except DepthmatteError as error:
            reporter.error(str(error))
            failed += 1
            continue
        for line in stored.notes:
            reporter.note(line)
        if reporter.style != "quiet":
            typer.echo(f"{label(photo)} -> {stored.sample.id} {stored.outcome}")
    reporter.summary(len(pairs) - failed, failed)
    return not failed


def _find_mask(photo: Path, mask: Path, count: int) -> Path:
    """The mask of a photo: the file given, or the file of the photo's name in a folder."""
    if not mask.is_dir():
        if count > 1:
            raise OptionError(
                f"--mask {label(mask)}: is one file for {count} photos; give a folder of masks"
            )
        return mask
    found = [one for one in sorted(mask.iterdir()) if one.stem == photo.stem and one.is_file()]
    if len(found) != 1:
        problem = f"holds {len(found)} files named {photo.stem}" if found else "holds no mask"
        raise InputError(f"{label(mask)}: {label(problem)} for {label(photo)}; add or name one")
    return found[0]


def print_samples(store: Path | None, as_json: bool) -> None:
    """Print the samples of a store as lines or as JSON."""
    samples = list_samples(store)
    if as_json:
        typer.echo(json.dumps([_sample_row(one) for one in samples], indent=2))
        return
    for one in samples:
        state = "" if one.is_complete else "  INCOMPLETE: a file is missing; remove or add it again"
        again = f"  revision {one.revision}" if one.revision > 1 else ""
        size = f"{one.width} x {one.height}"
        line = f"{one.id}  {one.time}  {size:<12} {one.name}{again}  {one.note}"
        typer.echo(label(line.rstrip() + state))


def _sample_row(sample: FeedbackSample) -> dict[str, Any]:
    files = {"photo": str(sample.photo_path), "mask": str(sample.mask_path)}
    rest = {"revision": sample.revision, "complete": sample.is_complete}
    return sample.to_json() | files | rest


def show_sample(id: str, out: Path | None, store: Path | None) -> Path:
    """Write the contact sheet of a sample; return its file."""
    sample = find_sample(id, store)
    if not sample.is_complete:
        raise InputError(
            f"{sample.id}: a file of it is missing in {label(sample.store)}; "
            f"add it again, or depthmatte feedback remove {sample.id}"
        )
    target = out or Path(f"feedback-{sample.id}.png")
    check_writable(target, [sample.photo_path, sample.mask_path])
    photo = read(sample.photo_path, color="srgb")
    with Session() as session:
        portrait = session.cut(photo)
    write(
        draw_sample_sheet(photo.rgb, portrait.alpha, read_corrected_mask(sample.mask_path)), target
    )
    return target


def remove_samples(ids: Sequence[str], store: Path | None) -> None:
    """Delete samples. All are looked up before the first one is deleted."""
    found = [find_sample(id, store) for id in ids]
    for one in {sample.id: sample for sample in found}.values():
        remove_sample(one.id, store)
        typer.echo(f"{one.id} removed")
