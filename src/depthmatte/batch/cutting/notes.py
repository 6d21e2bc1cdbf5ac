"""Notes and JSON fields about depth: which depth was used, why not another, and its unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...depth.deferred import used_source
from ...evidence import DepthStatus, RawDepth
from ...photo import Photo
from ...portrait import Portrait
from ...system.printable_text import label
from .job import CutJob

_ASSUMED_UNIT_NOTES = {
    "mm, assumed": "assumed to be millimeters; set --depth-scale to change that",
    "m, assumed": "assumed to be meters; set --depth-scale to change that",
}
"""`RawDepth.unit` -> note about a unit that was assumed."""

_SOURCE_FLAGS = {"sensor": "--depth", "stereo": "--right"}
"""Depth source -> flag of its file."""


def describe_used_depth(portrait: Portrait) -> dict[str, Any] | None:
    """Return the JSON fields of the depth that was used; None when no depth is known or needed.

    `near_m` and `far_m` are in meters, `near_relative` and `far_relative` in [0, 1]; the pair
    that does not apply is null. `measured` is the share of the photo with valid depth. `unit`
    says how the numbers of the file were read.
    """
    depth, content = portrait.measured, portrait.depth_fit.content_slices
    if depth.is_deferred:
        return None
    known = depth.known[content]
    if not known.any():
        return None
    z = depth.z[content][known]
    raw = _raw_depth(portrait.photo, depth.source)
    near, far = (round(float(end), 4) for end in (z.min(), z.max()))
    return {
        "unit": raw.unit if raw and raw.unit else "m" if depth.metric else "relative",
        "near_relative": None if depth.metric else near,
        "far_relative": None if depth.metric else far,
        "near_m": near if depth.metric else None,
        "far_m": far if depth.metric else None,
        "measured": round(float(known.mean()), 4),
        "metric": depth.metric,
    }


def notes_before_run(job: CutJob) -> Iterator[str]:
    """Yield notes on inputs that this job does not use, before any photo is read."""
    for source, option in _SOURCE_FLAGS.items():
        if getattr(job.side_inputs, option[2:]) is None:
            continue
        if not job.needs_depth:
            yield f"{option}: not used, because no result needs depth; use a fusion, or save depth"
        elif job.cut.depth_source not in ("auto", source):
            chosen = f"--depth-source is {job.cut.depth_source}"
            yield f"{option}: not used, because {chosen}; use {source} or auto"


def notes_on_photo(job: CutJob, portrait: Portrait) -> Iterator[str]:
    """Yield notes on why the given depth was not used for this photo."""
    if portrait.notes and job.side_inputs.depth:
        name, file = label(portrait.photo.meta.name), label(job.side_inputs.depth)
        yield from (f"{name}: --depth {file}: {note}" for note in portrait.notes)
        return
    if not job.needs_depth or job.cut.depth_source not in ("auto", *_SOURCE_FLAGS):
        return
    used, name = used_source(portrait.measured), label(portrait.photo.meta.name)
    for source, option in _SOURCE_FLAGS.items():
        given = getattr(job.side_inputs, option[2:])
        if given is None or job.cut.depth_source not in ("auto", source):
            continue
        if used == source and portrait.measured.prob.any():
            continue
        yield f"{name}: {option} {label(given)}: " + _why_not_used(portrait, source, used)


def _why_not_used(portrait: Portrait, source: str, used: str) -> str:
    raw = _raw_depth(portrait.photo, source)
    if raw is not None and not (raw.validity == DepthStatus.VALID).any():
        return f"holds no valid depth; {_used_instead(used, source)}"
    if used == "sensor" and source == "stereo":
        return f"{used} depth was used; --depth-source {source} chooses this one"
    if used == source:
        return "separates nothing on this photo; the result does not change"
    return f"cannot be matched; {_used_instead(used, source)}"


def _used_instead(used: str, source: str) -> str:
    return "no depth was used" if used in ("none", source) else f"{used} depth was used"


def assumed_unit_note(job: CutJob, portrait: Portrait) -> str | None:
    """Return a note on the assumed unit of a depth file, or None."""
    raw = portrait.photo.evidence.depth_map if portrait.measured.source == "sensor" else None
    if job.side_inputs.depth is None or raw is None or not portrait.measured.known.any():
        return None
    note = _ASSUMED_UNIT_NOTES.get(raw.unit or "")
    return note and f"{label(job.side_inputs.depth)}: {note}"


def _raw_depth(photo: Photo, source: str) -> RawDepth | None:
    return {"stored": photo.evidence.embedded_depth, "sensor": photo.evidence.depth_map}.get(source)
