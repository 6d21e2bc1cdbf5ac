"""`depthmatte live`: cut a live picture and print how late it was."""

from __future__ import annotations

from typing import Any

from ...errors import InputError
from ...options import CutOptions, SessionOptions
from ...session import Session
from ...system.kept_memory import keep_freed_memory
from ...system.printable_text import label
from ...video.live_loop import LiveLoop, LiveSummary
from ...video.video_options import LiveOptions
from ..downloads import fetch_networks
from ..output import Reporter, json_line, print_line
from .video import read_effect


def run_live_command(live: LiveOptions, cut: CutOptions, session: SessionOptions) -> None:
    """Cut a live picture until it ends.

    Raises
    ------
    InputError
        When source or sink cannot be used, or the source breaks; what was shown is kept.
    MissingExtra
        When an extra is not installed.
    """
    keep_freed_memory()
    report = Reporter("quiet" if live.quiet else "json" if live.json else "lines")
    loop = LiveLoop(live, read_effect(live.effect, live.background), cut)
    names = (session.matte_network, session.depth_network)
    fetch_networks([str(name) for name in names], report)
    with Session(session) as networks:
        if loop.source.kind == "camera":
            report.note("Ctrl-C ends")
        summary = loop.run(networks)
        providers = networks.running
    if live.json:
        print_line(json_line(_live_fields(live, summary, providers)))
    elif not live.quiet:
        print_line(_live_line(live, summary))
    if summary.problem is not None:
        raise InputError(summary.problem)


def _live_fields(
    live: LiveOptions, summary: LiveSummary, providers: dict[str, str]
) -> dict[str, Any]:
    height, width = summary.canvas
    return {
        "source": live.source,
        "sink": live.sink,
        "frames": summary.frames,
        "dropped": summary.dropped,
        "fps": round(_rate(summary), 3),
        "latency_ms": {name: round(ms, 3) for name, ms in summary.latency_ms.items()},
        "canvas": {"width": width, "height": height},
        "stages_ms": {stage: round(ms, 3) for stage, ms in summary.stages_ms.items()},
        "cpu_ms": round(summary.cpu_ms, 3),
        "with_evidence": summary.with_evidence,
        "refused_evidence": summary.refused_evidence,
        "provider": providers,
        "error": summary.problem,
    }


def _live_line(live: LiveOptions, summary: LiveSummary) -> str:
    height, width = summary.canvas
    return (
        f"{label(live.source)} -> {label(live.sink)}: {summary.frames} frames, "
        f"{summary.dropped} dropped, {_rate(summary):.1f} per second, "
        f"{summary.latency_ms['median']:.0f} ms late (95 %: {summary.latency_ms['p95']:.0f} ms), "
        f"canvas {width} x {height}"
    )


def _rate(summary: LiveSummary) -> float:
    return summary.frames / summary.seconds if summary.seconds else 0.0
