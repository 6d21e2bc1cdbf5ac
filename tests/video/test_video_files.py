"""Video files in and out: times, turns, colors, sound, transparency, damage."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

av = pytest.importorskip("av", reason="needs the extra video")

import depthmatte as dm  # noqa: E402
from depthmatte.errors import InputError, OptionError  # noqa: E402
from depthmatte.video.files.color_tags import ColorTags  # noqa: E402
from depthmatte.video.files.orientation import read_display_matrix  # noqa: E402
from depthmatte.video.files.video_codecs import (  # noqa: E402
    ALPHA_CODECS,
    MATTE_CODEC,
    VIDEO_CODECS,
    VideoCodec,
)
from depthmatte.video.files.video_frame import VideoFrame  # noqa: E402
from depthmatte.video.files.video_writer import VideoWriter  # noqa: E402
from video_clips import drawing, frame_times, sound_packets, write_clip  # noqa: E402

BASE = Fraction(1, 90_000)
UNTAGGED = ColorTags(2, False, 2, 2)
UNEVEN = [0, 3000, 9000, 12_000, 30_000, 31_000]


def write_pictures(
    path: Path, codec: VideoCodec, pictures: list[Any], times: list[int] | None = None
) -> Path:
    shape = pictures[0].shape[:2]
    writer = VideoWriter(path, path, codec, shape, BASE, Fraction(25), UNTAGGED)
    for index, picture in enumerate(pictures):
        pts = times[index] if times else index * 3600
        writer.write(picture, VideoFrame(picture, index, pts, BASE, pts / 90_000))
    writer.close()
    return path


def test_frames_come_with_their_uneven_times(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", map(drawing, range(6)), UNEVEN)
    with dm.read_video(clip) as video:
        assert video.shape == (48, 64)
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(6))
    assert [frame.time for frame in frames] == pytest.approx([pts / 90_000 for pts in UNEVEN])
    for frame in frames:
        assert np.abs(frame.rgb.astype(int) - drawing(frame.index)).mean() < 6


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"start": 0.2}, [5, 6, 7, 8, 9]),
        ({"end": 0.2}, [0, 1, 2, 3, 4]),
        ({"start": 0.12, "end": 0.28}, [3, 4, 5, 6]),
        ({"every": 4}, [0, 4, 8]),
        ({"start": 0.04, "every": 3}, [1, 4, 7]),
    ],
)
def test_a_part_is_read(options: dict[str, Any], wanted: list[int], tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", map(drawing, range(10)), options={"g": "3"})
    with dm.read_video(clip, **options) as video:
        assert [round(frame.time * 25) for frame in video] == wanted


@pytest.mark.parametrize("options", [{"start": -1}, {"start": 2, "end": 1}, {"every": 0}])
def test_impossible_parts_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(OptionError):
        dm.read_video(tmp_path / "a.mp4", **options)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_frames_are_upright(degrees: int, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", [drawing(0)] * 2, rotation=degrees)
    upright = np.rot90(drawing(0), degrees // 90)
    with dm.read_video(clip) as video:
        assert video.shape == upright.shape[:2]
        for frame in video:
            assert np.abs(frame.rgb.astype(int) - upright).mean() < 6


@given(st.permutations([0, 1]), st.sampled_from([-1, 1]), st.sampled_from([-1, 1]))
def test_a_turn_moves_pixels_as_its_matrix_says(order: list[int], one: int, two: int) -> None:
    (a, b), (c, d) = ((one, 0), (0, two)) if order == [0, 1] else ((0, one), (two, 0))
    matrix = struct.pack("=9i", *(65536 * v for v in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)
    turn = read_display_matrix(matrix)
    assert turn is not None
    stored = np.arange(15, dtype=np.uint8).reshape(3, 5, 1).repeat(3, 2)
    turned = turn.apply(stored)
    assert turned.shape[:2] == turn.shape((3, 5))
    x0 = min(0, 4 * a) + min(0, 2 * c)
    y0 = min(0, 4 * b) + min(0, 2 * d)
    for q in range(3):
        for p in range(5):
            assert turned[b * p + d * q - y0, a * p + c * q - x0, 0] == stored[q, p, 0]


@given(st.binary(max_size=40))
def test_any_matrix_is_read_or_refused(matrix: bytes) -> None:
    read_display_matrix(matrix)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_colors_survive_a_round_trip(matrix: int, full_range: bool, tmp_path: Path) -> None:
    flat = [np.full((48, 64, 3), color, np.uint8) for color in ((200, 40, 90), (16, 235, 128))]
    tags = ColorTags(matrix, full_range, 1, 1)
    target = tmp_path / "a.mp4"
    writer = VideoWriter(target, target, VIDEO_CODECS["h264"], (48, 64), BASE, Fraction(25), tags)
    for index, rgb in enumerate(flat):
        writer.write(rgb, VideoFrame(rgb, index, index * 3600, BASE, index / 25))
    writer.close()
    with dm.read_video(target) as video:
        assert video.color == tags
        for frame, rgb in zip(video, flat, strict=True):
            assert np.abs(frame.rgb.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("name", list(VIDEO_CODECS))
def test_every_codec_keeps_times_and_picture(name: str, tmp_path: Path) -> None:
    codec = VIDEO_CODECS[name]
    target = tmp_path / f"a{codec.suffixes[-1]}"
    pictures = [drawing(index, (45, 61)) for index in range(6)]
    write_pictures(target, codec, pictures, UNEVEN)
    with dm.read_video(target) as video:
        frames = list(video)
    assert [f.time for f in frames] == pytest.approx([t / 90_000 for t in UNEVEN], abs=6e-4)
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.rgb[:45, :61].astype(int) - picture).mean() < 8


def decode_alpha(path: Path, decoder: str | None = None) -> list[np.ndarray[Any, Any]]:
    """Alpha of all frames as it is stored, scaled to 0 to 255."""
    found = []
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        context = av.CodecContext.create(decoder, "r") if decoder else stream.codec_context
        for packet in file.demux(stream):
            if not packet.size and decoder:
                continue
            for frame in context.decode(packet):
                if frame.format.name == "bgra":
                    found.append(frame.to_ndarray(format="rgba")[..., 3].astype(float))
                    continue
                bits = frame.format.components[3].bits
                kind = np.dtype("u1" if bits == 8 else "<u2")
                rows = np.frombuffer(bytes(frame.planes[3]), kind).reshape(frame.height, -1)
                found.append(rows[:, : frame.width] * (255 / (2**bits - 1)))
    return found


@pytest.mark.parametrize(
    ("kind", "decoder"), [("prores", None), ("webm", "libvpx-vp9"), ("ffv1", None)]
)
def test_alpha_is_exact(kind: str, decoder: str | None, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    pictures = [random.integers(0, 256, (45, 61, 4), dtype=np.uint8) for _ in range(4)]
    codec = ALPHA_CODECS[kind]
    path = write_pictures(tmp_path / f"a{codec.suffixes[0]}", codec, pictures)
    alphas = decode_alpha(path, decoder)
    assert len(alphas) == 4
    for alpha, picture in zip(alphas, pictures, strict=True):
        assert (np.rint(alpha) == picture[..., 3]).all()


def test_the_matte_of_a_pair_is_exact(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    mattes = [random.integers(0, 256, (46, 62), dtype=np.uint8) for _ in range(4)]
    path = write_pictures(tmp_path / "a.mp4", MATTE_CODEC, mattes)
    with av.open(str(path)) as file:
        for frame, matte in zip(file.decode(video=0), mattes, strict=True):
            assert (frame.to_ndarray(format="gray") == matte).all()


def test_hdr_is_converted_aloud(tmp_path: Path) -> None:
    white = np.full((48, 64, 3), round(0.58 * 255), np.uint8)  # PQ of white, 203 cd/m²
    tags = {"colorspace": 9, "color_trc": 16, "color_primaries": 9, "color_range": 1}
    clip = write_clip(
        tmp_path / "a.mkv", [white] * 3, codec="libx265", pixel_format="yuv420p10le", tags=tags,
        options={"x265-params": "log-level=none:crf=5"},
    )  # fmt: skip
    with dm.read_video(clip) as video:
        assert video.color.is_hdr
        assert any("HDR" in note for note in video.notes)
        frames = list(video)
        assert video.color.for_output(video.shape) == ColorTags(1, False, 1, 1)
    assert len(frames) == 3
    for frame in frames:
        assert 238 <= frame.rgb.mean() <= 255  # white, a little rolled off


def test_ten_bits_are_said(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", [drawing(0)] * 2, pixel_format="yuv420p10le")
    with dm.read_video(clip) as video:
        assert any("10 bits" in note for note in video.notes)


def broken_end(clip: Path, share: float) -> Path:
    content = clip.read_bytes()
    cut = clip.with_stem("cut")
    cut.write_bytes(content[: int(len(content) * share)])
    return cut


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_cut_off_video_gives_its_frames_and_then_says_so(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
    container = {"movflags": "+faststart"} if suffix == ".mp4" else {}
    clip = write_clip(tmp_path / f"a{suffix}", noise, container=container, options={"g": "5"})
    cut = broken_end(clip, 0.4)
    seen: list[int] = []
    with dm.read_video(cut) as video, pytest.raises(InputError, match="damaged after") as problem:
        seen.extend(frame.index for frame in video)  # those before the damage are in the list
    assert 5 < len(seen) < 40
    assert "\n" not in str(problem.value)


def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video at all\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile /etc/hostname\n")
    for name in ("text.mp4", "empty.mp4", "list.m3u8", "list.mp4", "missing.mp4", "."):
        with pytest.raises(InputError) as problem:
            dm.read_video(tmp_path / name)
        assert "\n" not in str(problem.value)
    with pytest.raises(InputError, match="no such file"):
        dm.read_video("concat:a.mp4|b.mp4")


def test_sound_is_copied_packet_by_packet(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", map(drawing, range(25)), sound=True)
    target = tmp_path / "b.mkv"
    with dm.read_video(clip) as video:
        writer = VideoWriter(
            target, target, VIDEO_CODECS["h264"], video.shape, video.time_base, video.rate,
            video.color, audio=video.audio,
        )  # fmt: skip
        for item in video.items():
            if isinstance(item, VideoFrame):
                writer.write(item.rgb, item)
            else:
                writer.write_sound(item)
        writer.close()
    before, after = sound_packets(clip), sound_packets(target)
    assert len(before) > 20
    assert [data for data, _ in after] == [data for data, _ in before]
    # MKV begins at 0, so all times move by that of the first packet, which is negative.
    shift = after[0][1] - before[0][1]
    assert [t for _, t in after] == pytest.approx([t + shift for _, t in before], abs=1e-3)
    assert frame_times(target) == pytest.approx([t + shift for t in frame_times(clip)], abs=1e-3)


@pytest.fixture(scope="module")
def small_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The bytes of a small clip in each container."""
    folder = tmp_path_factory.mktemp("small")
    made = {}
    for suffix in (".mp4", ".mkv", ".avi", ".ts"):
        clip = write_clip(folder / f"a{suffix}", map(drawing, range(8)), options={"g": "4"})
        made[suffix] = clip.read_bytes()
    return made


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from([".mp4", ".mkv", ".avi", ".ts"]),
    keep=st.floats(0.05, 1),
    places=st.lists(st.floats(0, 1), max_size=20),
    value=st.integers(0, 255),
)
def test_any_damage_is_one_line_or_some_frames(
    suffix: str,
    keep: float,
    places: list[float],
    value: int,
    small_clips: dict[str, bytes],
    tmp_path: Path,
) -> None:
    content = bytearray(small_clips[suffix])
    for place in places:
        content[min(len(content) - 1, int(place * len(content)))] = value
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(content[: max(1, int(keep * len(content)))])
    try:
        with dm.read_video(damaged) as video:
            for frame in video:
                assert frame.rgb.shape == (*video.shape, 3)
        said = str(damaged)
    except InputError as error:
        said = str(error)
    assert "\n" not in said
    assert str(damaged) in said
