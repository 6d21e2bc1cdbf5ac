"""`depthmatte video`: cut a video and print what came of it."""

from __future__ import annotations

from typing import Any

from ...batch.cutting.effect_argument import parse_effect_argument
from ...effects import Effect
from ...errors import InputError
from ...options import CutOptions, SessionOptions
from ...portrait import make_background
from ...session import Session
from ...system.kept_memory import keep_freed_memory
from ...system.printable_text import label
from ...video.cut_video import VideoJob, VideoSummary
from ...video.video_options import VideoOptions
from ..downloads import fetch_networks
from ..output import Reporter, json_line, print_line, size_fields


def run_video(source: str, options: VideoOptions, cut: CutOptions, session: SessionOptions) -> None:
    """Cut a video.

    Parameters
    ----------
    source : str
        The video.
    options : VideoOptions
        What to make of it.
    cut : CutOptions
        How each frame is cut.
    session : SessionOptions
        Networks and devices.

    Raises
    ------
    InputError
        When the video cannot be read, or is damaged; what was before the damage is written.
    MissingExtra
        When the extra `video` is not installed.
    OptionError
        When options contradict each other.
    """
    keep_freed_memory()
    report = Reporter("quiet" if options.quiet else "json" if options.json else "lines")
    job = VideoJob(source, options, read_effect(options.effect, options.background), cut)
    names = (session.matte_network, session.depth_network)
    fetch_networks([str(name) for name in names], report)
    with Session(session) as networks, report.progress(job.video.frame_count or 0) as advance:
        summary = job.run(networks, advance)
        providers = networks.running
    for note in summary.notes:
        report.note(note)
    if options.json:
        print_line(json_line(_summary_fields(source, summary, providers)))
    elif not options.quiet:
        print_line(_summary_line(source, summary))
    if summary.problem is not None:
        outputs = ", ".join(label(path) for path in summary.outputs)
        raise InputError(f"{summary.problem}; {outputs} holds the {summary.frames} frames before")


def read_effect(effect: str | None, background: str | None) -> Effect | None:
    """Read the effect that `--effect` or `--background` names; None where neither is given."""
    if effect is not None:
        return parse_effect_argument(effect)[1]
    return None if background is None else make_background(background)


def _summary_fields(
    source: str, summary: VideoSummary, providers: dict[str, str]
) -> dict[str, Any]:
    return {
        "file": source,
        "status": "ok" if summary.problem is None else "damaged",
        "outputs": [str(path) for path in summary.outputs],
        **size_fields(summary.shape),
        "frames": summary.frames,
        "fps": round(summary.frames / summary.seconds, 3),
        "seconds": round(summary.seconds, 3),
        "stages_ms": {stage: round(ms, 3) for stage, ms in summary.stages_ms.items()},
        "cpu_ms": round(summary.cpu_ms, 3),
        "dropped": 0,
        "scene_cuts": summary.scene_cuts,
        "found": round(summary.found_share, 4),
        "sound": summary.sound,
        "provider": providers,
        "error": summary.problem,
    }


def _summary_line(source: str, summary: VideoSummary) -> str:
    outputs = ", ".join(label(path) for path in summary.outputs)
    found = "" if summary.found_share else ", no person found"
    cuts = f", {summary.scene_cuts} scene cuts" if summary.scene_cuts else ""
    return (
        f"{label(source)} -> {outputs}: {summary.frames} frames, "
        f"{summary.frames / summary.seconds:.1f} per second{cuts}{found}"
    )
