"""Video: steadiness on sequences with true masks, speed beside MODNet's bare network, live rate.

python -m benchmarks.video [--sequences dance-twirl ...] [--frames 90] [--speed-frames 60]
                           [--rounds 3] [--live-seconds 10] [--threads N] -> results/video.csv

The speed is that of `depthmatte video` from file to file at 1080p: decode, both networks, blur,
encode. MODNet's cost is that of its network alone on 512 x 896 pixels (short side 512, 16:9),
without reading, scaling or writing. Both run in turns with the same number of threads. Processor
time hardly depends on what else the machine does; time on the clock does.

`depthmatte live` plays a clip of 640 x 360 pixels at 30 frames per second into a file.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

import depthmatte as dm
from depthmatte.canvas import Canvas, to_canvas
from depthmatte.effects import Background, Blur, Effect
from depthmatte.evaluation.metrics import iou
from depthmatte.evaluation.video_metrics import flicker, ghost, temporal_error
from depthmatte.networks.network import open_bare_session
from depthmatte.system.cpu_count import count_cores
from depthmatte.system.kept_memory import keep_freed_memory
from depthmatte.values import Matte
from depthmatte.video.cut_video import VideoJob
from depthmatte.video.frame_cutter import fit_preset
from depthmatte.video.live_loop import LiveLoop
from depthmatte.video.motion.optical_flow import FrameMotion, measure_motion
from depthmatte.video.motion.steady import Steadier, motion_picture
from depthmatte.video.motion.subject_track import SubjectTrack
from depthmatte.video.video_options import LiveOptions, VideoOptions

from .common.peers import SHARED
from .common.table import write
from .common.timing import cpu

SEQUENCES = SHARED / "data" / "video"
SIZE = (1080, 1920)
MODNET_SHAPE = (512, 896)
PEER = "MODNet network"
LIVE_SIZE, LIVE_RATE = (360, 640), 30
LIVE_EFFECTS: dict[str, Effect] = {"live, blur": Blur(), "live, white": Background()}
VARIANTS = {"each frame alone": (0, 0), "steady": (5, 5), "live": (3, 0)}
"""Name -> frames before and after that count."""


def cut_sequence(session: dm.Session, name: str, limit: int) -> tuple[list[Any], list[Any]]:
    """Portraits of the frames as each is cut alone, with their segmentation; and the true masks."""
    pipeline = session.pipeline(dm.CutOptions(second_look=False))
    photos = sorted((SEQUENCES / name / "images").iterdir())[:limit]
    multiple = session.network("matte").contract.multiple
    preset = fit_preset(pipeline.preset, dm.read(photos[0]).shape, multiple)
    segmented: list[Any] = []

    def segment(canvas: Canvas) -> Matte:
        matte = pipeline.segment(canvas)
        segmented.append(matte.alpha)
        return matte

    watched = dataclasses.replace(pipeline, segment=segment, preset=preset)
    frames, truths = [], []
    for photo in photos:
        portrait = watched(dm.read(photo))
        mask = dm.read(SEQUENCES / name / "masks" / f"{photo.stem}.png").rgb[..., 0]
        frames.append((portrait, segmented[-1]))
        truths.append(to_canvas(np.float32(mask > 127), portrait.fit))
    return frames, truths


def steady_alphas(frames: list[Any], before: int, after: int) -> list[Any]:
    """Alpha on the canvas after the subject is tracked and alpha steadied."""
    if not before and not after:
        return [portrait.matte.alpha for portrait, _ in frames]
    track, steadier, done, last = SubjectTrack(24), Steadier(before, after), [], None
    for portrait, segmented in frames:
        picture = motion_picture(portrait)
        motion = None if last is None else measure_motion(last, picture)
        last = picture
        kept = track.follow(portrait, segmented, motion.to_previous if motion else None)
        done += steadier.push(kept, FrameMotion(picture, motion))
    return [portrait.matte.alpha for portrait in [*done, *steadier.finish()]]


def steadiness(session: dm.Session, name: str, limit: int) -> list[dict[str, Any]]:
    """One row per variant and measure, with the ratio to each frame alone."""
    frames, truths = cut_sequence(session, name, limit)
    rows: list[dict[str, Any]] = []
    alone: dict[str, float] = {}
    for variant, (before, after) in VARIANTS.items():
        alphas = steady_alphas(frames, before, after)
        found = {
            "flicker": flicker(alphas, truths),
            "dtSSD": temporal_error(alphas, truths),
            "ghost": ghost(alphas, truths),
            "IoU": float(np.mean([iou(a, t) for a, t in zip(alphas, truths, strict=True)])),
        }
        alone = alone or found
        for measure, value in found.items():
            ratio = value / alone[measure] if alone[measure] else float("nan")
            rows.append(
                {"part": name, "variant": variant, "measure": measure, "value": value}
                | {"ratio": ratio, "to": "each frame alone"}
            )
            print(f"{name:<12} {variant:<18} {measure:<8} {value:.4f}  {ratio:.3f}")
    return rows


def write_clip(path: Path, frames: int, size: tuple[int, int] = SIZE, rate: int = 25) -> None:
    """A clip of the sequence `dance-twirl`, scaled, played forth and back."""
    photos = sorted((SEQUENCES / "dance-twirl" / "images").iterdir())
    order = [*range(len(photos)), *range(len(photos) - 2, 0, -1)]
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=rate, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        for index in range(frames):
            rgb = dm.read(photos[order[index % len(order)]]).rgb
            large = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_CUBIC)
            frame = av.VideoFrame.from_ndarray(large, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def speed(session: dm.Session, frames: int, rounds: int, threads: int) -> list[dict[str, Any]]:
    """Milliseconds per frame of `depthmatte video` and of MODNet's network, in turns."""
    modnet = open_bare_session(SHARED / "teachers" / "modnet.onnx", threads)
    image = np.random.default_rng(0).random((1, 3, *MODNET_SHAPE), np.float32) * 2 - 1
    times: dict[str, list[float]] = {PEER: []}
    processor: dict[str, list[float]] = {PEER: []}
    stages: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        clip, out = Path(folder, "clip.mp4"), Path(folder, "out.mp4")
        write_clip(clip, frames)
        for round_ in range(rounds):
            for name, every in (("depth every frame", 1), ("depth every 4th frame", 4)):
                options = VideoOptions(out=str(out), depth_every=every)
                job = VideoJob(clip, options, None, dm.CutOptions(second_look=False))
                done = job.run(session)
                if round_ or rounds == 1:  # the first round loads the networks
                    times.setdefault(name, []).append(done.seconds * 1000 / done.frames)
                    processor.setdefault(name, []).append(done.cpu_ms)
                stages[name] = done.stages_ms
            runs = max(3, frames // 6)
            begun, cpu_begun = time.perf_counter(), time.process_time()
            for _ in range(runs):
                modnet.run(None, {"input": image})
            times[PEER].append((time.perf_counter() - begun) * 1000 / runs)
            processor[PEER].append((time.process_time() - cpu_begun) * 1000 / runs)
    rows = []
    for name in times:
        for measure, found in (("ms per frame", times), ("processor ms per frame", processor)):
            value, peer = float(np.median(found[name])), float(np.median(found[PEER]))
            row = {"part": "speed", "variant": name, "measure": measure, "value": value}
            rows.append(row | {"ratio": peer / value, "to": PEER})
            print(f"{name:<22} {value:8.1f} {measure}, {peer / value:.2f} times as fast as MODNet")
        for stage, ms in stages.get(name, {}).items():
            row = {"part": "speed", "variant": name, "measure": f"{stage} ms", "value": ms}
            rows.append(row | {"ratio": float("nan"), "to": ""})
            print(f"  {stage:<20} {ms:8.1f} ms")
    return rows


def live(session: dm.Session, seconds: float) -> list[dict[str, Any]]:
    """Rate, latency and processor time of `depthmatte live` on a recorded clip."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        clip, out = Path(folder, "clip.mp4"), Path(folder, "out.mkv")
        write_clip(clip, round(seconds * LIVE_RATE), LIVE_SIZE, LIVE_RATE)
        for name, effect in LIVE_EFFECTS.items():
            options = LiveOptions(source=str(clip), sink=str(out), rate=LIVE_RATE)
            done = LiveLoop(options, effect, dm.CutOptions(second_look=False)).run(session)
            found = {
                "frames per second": done.frames / done.seconds,
                "dropped": done.dropped / (done.frames + done.dropped),
                "latency ms": done.latency_ms["median"],
                "latency ms, 95 %": done.latency_ms["p95"],
                "processor ms per frame": done.cpu_ms,
                "canvas pixels": float(np.prod(done.canvas)),
                **{f"{stage} ms": ms for stage, ms in done.stages_ms.items()},
            }
            for measure, value in found.items():
                row = {"part": "live", "variant": name, "measure": measure, "value": value}
                rows.append(row | {"ratio": float("nan"), "to": ""})
                print(f"{name:<22} {measure:<24} {value:8.2f}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sequences", nargs="*", default=["dance-twirl"])
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--speed-frames", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--live-seconds", type=float, default=10)
    parser.add_argument("--threads", type=int, default=count_cores())
    options = parser.parse_args()
    keep_freed_memory()  # as the commands do; MODNet runs in this process too
    here = {"cpu": cpu(), "threads": options.threads}
    rows: list[dict[str, Any]] = []
    with dm.Session(threads=options.threads) as session:
        for name in options.sequences:
            rows += steadiness(session, name, options.frames)
        if options.speed_frames:
            rows += speed(session, options.speed_frames, options.rounds, options.threads)
        if options.live_seconds:
            rows += live(session, options.live_seconds)
    write([row | here for row in rows], "video")


if __name__ == "__main__":
    main()
