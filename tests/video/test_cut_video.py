"""`depthmatte video` and `depthmatte live` from end to end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

av = pytest.importorskip("av", reason="needs the extra video")
pytest.importorskip("skimage", reason="needs the extra demo")

from skimage.data import astronaut  # noqa: E402

import depthmatte as dm  # noqa: E402
from depthmatte.canvas import resize  # noqa: E402
from depthmatte.cli.app import app  # noqa: E402
from depthmatte.effects import Background, Blur  # noqa: E402
from depthmatte.video.canvas_control import CanvasControl  # noqa: E402
from depthmatte.video.frame_cutter import FrameCutter  # noqa: E402
from depthmatte.video.live_frame import NewestFrame, TimedPicture  # noqa: E402
from depthmatte.video.live_loop import change_effect  # noqa: E402
from depthmatte.video.stages import run_ahead  # noqa: E402
from video_clips import drawing, sound_packets, write_clip  # noqa: E402

FRAMES, SIZE = 5, 128


def moving_astronaut(index: int) -> Any:
    """The astronaut, moved a little to the right in each frame."""
    small = np.asarray(resize(astronaut(), (SIZE, SIZE)), np.uint8)
    return np.ascontiguousarray(np.roll(small, 2 * index, axis=1))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, map(moving_astronaut, range(FRAMES)), rate=10, sound=True)


def run(*words: Any) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, done.stderr


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_video_is_cut_with_its_sound(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    status, printed, said = run("video", clip, "-o", out, "--background", "#00ff00", "--json")
    assert status == 0, said
    row = json.loads(printed)
    assert (row["frames"], row["dropped"], row["status"]) == (FRAMES, 0, "ok")
    assert set(row["stages_ms"]) == {"decode", "networks", "render", "encode"}
    assert {"matte", "depth"} <= set(row["provider"])
    assert row["fps"] > 0
    assert row["found"] == 1
    assert [data for data, _ in sound_packets(out)] == [data for data, _ in sound_packets(clip)]
    with dm.read_video(out) as video:
        frames = list(video)
    assert [frame.time for frame in frames] == pytest.approx([i / 10 for i in range(FRAMES)])
    corner = frames[2].rgb[4:12, 4:12].reshape(-1, 3).mean(axis=0)
    assert corner == pytest.approx([0, 255, 0], abs=8)
    assert leftovers(tmp_path) == []


def test_a_cut_out_is_a_folder_of_pictures(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "frames"
    status, _, said = run(
        "video", clip, "-o", out, "--alpha", "png", "--every", 2, "--depth-every", 3, "--no-steady"
    )
    assert status == 0, said
    assert sorted(path.name for path in out.iterdir()) == [
        "000000.png", "000002.png", "000004.png", "times.csv",
    ]  # fmt: skip
    from PIL import Image

    with Image.open(out / "000002.png") as picture:
        assert picture.mode == "RGBA"
        alpha = np.asarray(picture)[..., 3]
    assert 0.1 < (alpha > 127).mean() < 0.9
    status, _, said = run("video", clip, "-o", out, "--alpha", "png")
    assert (status, "no empty folder" in said) == (1, True)
    assert leftovers(tmp_path) == []


def test_a_damaged_video_leaves_a_playable_one(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)
    whole = write_clip(tmp_path / "a.mkv", noise, options={"g": "2"})
    broken = tmp_path / "broken.mkv"
    content = whole.read_bytes()
    broken.write_bytes(content[: len(content) // 5])
    out = tmp_path / "out.mp4"
    status, printed, said = run("video", broken, "-o", out, "--json", "--fusion", "none")
    assert status == 1
    assert said.count("\n") == 1
    assert "is damaged after" in said
    row = json.loads(printed)
    with dm.read_video(out) as video:
        assert len(list(video)) == row["frames"] > 1
    assert row["status"] == "damaged"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["-o", "a.txt"], 2, "end the name in"),
        (["-o", "a.mp4", "--alpha", "prores"], 2, "does not hold ProRes"),
        (["-o", "a.mp4", "--effect", "cutout"], 2, "cannot hold transparency"),
        (["-o", "a.mov", "--alpha", "prores", "--effect", "blur"], 2, "stores a cut-out"),
        (["-o", "a.webm", "--alpha", "webm"], 1, "does not hold the sound"),
        (["-o", "a.mp4", "--start", "9"], 1, "no frame"),
        (["-o", "missing/a.mp4"], 1, "folder does not exist"),
        (["-o", "a.mp4", "--start", "2", "--end", "1"], 2, "must be later"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    words: list[str], status: int, said: str, clip: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, _, printed = run("video", clip, *words)
    assert (code, said in printed, printed.count("\n")) == (status, True, 1), printed
    assert list(tmp_path.iterdir()) == []


def test_the_input_is_not_overwritten(clip: Path) -> None:
    before = clip.read_bytes()
    status, _, said = run("video", clip, "-o", clip)
    assert (status, "is an input" in said) == (1, True)
    assert clip.read_bytes() == before


def test_depth_follows_the_motion_between_estimates() -> None:
    measured = []
    with dm.Session() as session:
        pipeline = session.pipeline(dm.CutOptions(second_look=False))
        inner = pipeline.measure

        def count(photo: Any, canvas: Any) -> Any:
            measured.append(1)
            return inner(photo, canvas)

        from dataclasses import replace

        cutter = FrameCutter(replace(pipeline, measure=count), 10, depth_every=3)
        found = [cutter.cut(moving_astronaut(index))[0] for index in range(4)]
    assert len(measured) == 2
    for one in found:
        assert one.found
        assert one.measured.known.any()
    away = np.abs(found[0].measured.z - found[1].measured.z)[found[0].measured.known].mean()
    assert away < 0.1


def test_live_takes_the_newest_frame_and_counts_the_rest(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    words = ["--source", clip, "--sink", out, "--fusion", "none", "--rate", 10, "--json"]
    status, printed, said = run("live", *words)
    assert status == 0, said
    row = json.loads(printed)
    assert row["frames"] >= 1
    assert row["frames"] + row["dropped"] == FRAMES
    assert row["latency_ms"]["median"] <= row["latency_ms"]["p95"]
    with dm.read_video(out) as video:
        times = [frame.time for frame in video]
    assert len(times) == row["frames"]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("source", "sink", "said"),
    [
        ("/dev/no-camera", "a.mkv", "there is no such camera"),
        ("CLIP", "/dev/no-video", "v4l2loopback"),
        ("CLIP", "v4l2:plain", "is no video device"),
        ("CLIP", "a.txt", "end the name in"),
    ],
)
def test_live_says_what_is_missing(
    source: str, sink: str, said: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_bytes(b"")
    code, _, printed = run(
        "live", "--source", source.replace("CLIP", str(clip)), "--sink", sink, "-q"
    )
    assert code in (1, 2)
    assert said in printed
    assert printed.count("\n") == 1


def test_the_newest_frame_wins() -> None:
    go = threading.Event()

    def frames() -> Iterator[Any]:
        yield TimedPicture(drawing(0), 0.0)
        go.wait(10)
        for index in range(1, 6):
            yield TimedPicture(drawing(index), float(index))

    newest = NewestFrame(frames())
    first = newest.take()
    assert first is not None
    assert (first.rgb == drawing(0)).all()
    go.set()
    end = time.monotonic() + 10
    while newest.received < 6 and time.monotonic() < end:
        time.sleep(0.01)
    last = newest.take()
    assert last is not None
    assert (last.rgb == drawing(5)).all()
    assert newest.dropped == 4
    assert newest.take() is None


def test_a_broken_source_is_told() -> None:
    def frames() -> Iterator[Any]:
        yield TimedPicture(drawing(0), 0.0)
        raise dm.InputError("camera: stopped")

    newest = NewestFrame(frames())
    newest.take()
    with pytest.raises(dm.InputError, match="stopped"):
        newest.take()


def test_the_canvas_shrinks_until_the_rate_is_held() -> None:
    control = CanvasControl((480, 352), 32, 30)
    assert control.preset == (480, 352)
    full = 480 * 352
    for _ in range(200):
        height, width = control.preset
        control.note(0.1 * height * width / full)  # 100 ms on the full canvas
    height, width = control.preset
    assert 0.1 * height * width / full <= 1 / 30
    assert height % 32 == width % 32 == 0
    for _ in range(2000):
        control.note(0.001)
    assert control.preset == (480, 352)


def test_a_canvas_that_is_never_fast_enough_stays_at_the_smallest() -> None:
    control = CanvasControl((480, 352), 32, 30)
    for _ in range(300):
        control.note(1.0)
    assert control.preset == control.sizes[-1]


def test_keys_change_effect_and_strength() -> None:
    blur = Blur(strength=0.95)
    assert change_effect(blur, "stronger") == Blur(strength=1.0)
    assert change_effect(blur, "white") == Background(color="white")
    assert change_effect(blur, "") is blur


def test_a_stage_runs_ahead_within_its_queue() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for index in range(100):
            made.append(index)
            yield index

    ahead = run_ahead(items(), 3)
    assert next(ahead) == 0
    end = time.monotonic() + 10
    while len(made) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(made) <= 6
    ahead.close()
    assert len(made) <= 7


def test_an_error_of_a_stage_comes_after_its_items() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("broken")

    seen: list[int] = []
    with pytest.raises(ValueError, match="broken"):
        seen.extend(run_ahead(items()))  # what came before the error is in the list
    assert seen == [1, 2]
