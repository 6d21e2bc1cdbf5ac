"""Declare `depthmatte video` and `depthmatte live`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from ..option_fields import option_names
from ..options import CutOptions, LensOptions, SessionOptions
from ..video.video_options import LiveOptions, VideoOptions
from .flags import option_flags

_FRAME_OPTIONS = ("subject", "fusion", "orient", *option_names(SessionOptions))
"""Options of a cut that make sense for the frames of a video."""


@option_flags(
    VideoOptions,
    CutOptions,
    SessionOptions,
    LensOptions,
    only=(*option_names(VideoOptions), *option_names(LensOptions), *_FRAME_OPTIONS),
    fixed={"second_look": False, "quality": "fast"},
)
def video_command(
    path: Annotated[str, typer.Argument(metavar="VIDEO", help="The video to cut.")],
    output: VideoOptions,
    options: CutOptions,
    session: SessionOptions,
    lens: LensOptions,
) -> None:
    """Cut people out of a video (needs the extra `video`).

    Example: depthmatte video clip.mp4 -o clip.mov --alpha prores

    Exit status: 0 success, 1 the video failed or is damaged, 2 wrong usage.
    """
    from .commands.video import run_video

    effect = lens.add_to_only(output.effect, output.background)
    run_video(path, replace(output, effect=effect), options, session)


@option_flags(
    LiveOptions,
    CutOptions,
    SessionOptions,
    LensOptions,
    only=(*option_names(LiveOptions), *option_names(LensOptions), "depth_scale", *_FRAME_OPTIONS),
    fixed={"second_look": False, "quality": "fast"},
)
def live_command(
    live: LiveOptions, options: CutOptions, session: SessionOptions, lens: LensOptions
) -> None:
    """Cut people out of a live picture (needs the extra `video`).

    Example: depthmatte live --source /dev/video0 --sink /dev/video9 --effect blur

    Exit status: 0 success, 1 a device or file failed, 2 wrong usage.
    """
    from .commands.live import run_live_command

    effect = lens.add_to_only(live.effect, live.background)
    run_live_command(replace(live, effect=effect), options, session)


def add_video_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("video")(video_command)
    app.command("live")(live_command)
