"""HDR toned to sRGB: ordinary colors look as in an ordinary picture, brighter ones roll off."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fixtures
from depthmatte.color.icc import is_srgb_profile
from depthmatte.color.tone_curves import rgb_to_xyz_matrix
from depthmatte.io.photo import cicp
from depthmatte.io.photo.cicp import _TRANSFER_PQ, TRANSFER_HLG, Cicp
from depthmatte.io.photo.hdr import _KNEE_LEVEL, tone_map_to_srgb
from depthmatte.io.photo.photo_reader import read, read_photo_header
from fixtures import encode, scene
from profiles import D65, SRGB, SRGB_CURVE, linear, profile, seen

BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))


def off(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


def card() -> np.ndarray:
    """uint8 (48, 64, 3): patches with white, black, skin and strong colors."""
    colors = [(240, 240, 240), (200, 60, 50), (60, 160, 70), (225, 170, 140), (50, 80, 190)]
    tones = np.array([[*colors, (20, 20, 20), (120, 120, 120), (235, 205, 60)]], np.uint8)
    return np.repeat(np.repeat(tones, 48, axis=0), 8, axis=1)


def signal(srgb: np.ndarray, transfer: int, gain: float = 1.0) -> np.ndarray:
    """uint16 levels by BT.2100 of sRGB colors, white at 203 cd/m² times `gain`, in BT.2020."""
    to_2020 = np.linalg.inv(rgb_to_xyz_matrix(np.array(BT2020), D65)) @ rgb_to_xyz_matrix(
        np.array(SRGB[0]), D65
    )
    light = np.clip(linear(srgb, SRGB_CURVE) @ to_2020.T, 0, None) * 203 * gain
    if transfer == _TRANSFER_PQ:
        m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
        y = (light / 10_000) ** m1
        return np.rint(((c1 + c2 * y) / (1 + c3 * y)) ** m2 * 65_535).astype(np.uint16)
    luminance = (light @ rgb_to_xyz_matrix(np.array(BT2020), D65)[1])[..., None] / 1000
    beyond = np.clip(luminance, 1e-9, None) ** (-0.2 / 1.2)  # the inverse of the display's gamma
    e = np.clip(light / 1000 * beyond, 0, 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    with np.errstate(invalid="ignore", divide="ignore"):
        curve = np.where(e <= 1 / 12, np.sqrt(3 * e), a * np.log(12 * e - b) + c)
    return np.rint(curve * 65_535).astype(np.uint16)


def with_chunk(content: bytes, kind: bytes, inside: bytes) -> bytes:
    """A PNG with one more chunk behind its header."""
    crc = struct.pack(">I", zlib.crc32(kind + inside))
    return content[:33] + struct.pack(">I", len(inside)) + kind + inside + crc + content[33:]


def hdr_png(levels: np.ndarray, transfer: int, primaries: int = 9) -> bytes:
    content = fixtures.deep_png(levels)
    return with_chunk(content, b"cICP", bytes((primaries, transfer, 0, 1)))


def boxed(form: str, levels: np.ndarray, primaries: int, transfer: int) -> bytes:
    """A HEIF or AVIF of 8 bits that states these code points."""
    content = encode((levels >> 8).astype(np.uint8), form, quality=100, subsampling="4:4:4")
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


@pytest.mark.parametrize("transfer", [_TRANSFER_PQ, TRANSFER_HLG])
def test_ordinary_colors_look_ordinary(transfer: int) -> None:
    photo = read(hdr_png(signal(card(), transfer), transfer))
    assert off(photo.rgb, card()) <= 2
    assert photo.meta.icc is None


@pytest.mark.parametrize("transfer", [_TRANSFER_PQ, TRANSFER_HLG])
@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_boxes_that_state_hdr(form: str, transfer: int) -> None:
    content = boxed(form, signal(card(), transfer), 9, transfer)
    assert cicp.read_cicp(content) == Cicp(9, transfer)
    photo = read(content)
    middle = np.s_[8:40, 4::8]  # of each patch: chroma and the codec blur its edges
    assert off(photo.rgb[middle], card()[middle]) <= 8
    assert photo.meta.icc is None
    assert read_photo_header(content).meta.icc is None


@pytest.mark.parametrize("transfer", [_TRANSFER_PQ, TRANSFER_HLG])
def test_highlights_do_not_darken_the_rest(transfer: int) -> None:
    """A lamp of the greatest light in the picture: every ordinary color stays within 8."""
    levels = signal(card(), transfer)
    levels[:4] = 65_535
    photo = read(hdr_png(levels, transfer))
    assert off(photo.rgb[4:], card()[4:]) <= 8
    assert (photo.rgb[:4] == 255).all()


@given(st.floats(1, 40), st.sampled_from([_TRANSFER_PQ, TRANSFER_HLG]))
def test_brighter_stays_brighter(gain: float, transfer: int) -> None:
    """Gray rises and never falls, and is white only at the brightest."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    levels = signal(ramp, transfer, min(gain, 4.9) if transfer == TRANSFER_HLG else gain)
    toned = tone_map_to_srgb(levels, Cicp(9, transfer)).astype(int)
    assert (np.diff(toned[0, :, 1]) >= 0).all()
    assert np.ptp(toned, axis=-1).max() <= 1
    assert toned.max() >= 254


def test_the_hue_of_a_highlight_stays() -> None:
    orange = np.full((4, 4, 3), (240, 130, 40), np.uint8)
    toned = tone_map_to_srgb(signal(orange, _TRANSFER_PQ, 2.5), Cicp(9, _TRANSFER_PQ))
    ratio = linear(toned, SRGB_CURVE)[0, 0] / linear(orange, SRGB_CURVE)[0, 0]
    assert np.ptp(ratio) / ratio.mean() < 0.05  # a level of the darkest is 3 %
    assert _KNEE_LEVEL < linear(toned, SRGB_CURVE).max() <= 1


def test_other_primaries() -> None:
    levels = signal(card(), _TRANSFER_PQ)
    as_2020 = read(hdr_png(levels, _TRANSFER_PQ, 9)).rgb
    assert off(read(hdr_png(levels, _TRANSFER_PQ, 1)).rgb, as_2020) > 10
    assert off(read(hdr_png(levels, _TRANSFER_PQ, 2)).rgb, as_2020) == 0  # left open: what HDR has


@pytest.mark.parametrize("orientation", [3, 6])
def test_hdr_is_turned_upright(orientation: int) -> None:
    tags = fixtures.exif(orientation)[6:]
    stored = fixtures.stored(signal(scene(), _TRANSFER_PQ), 1)
    stored = {3: stored[::-1, ::-1], 6: np.rot90(stored)}[orientation]
    content = with_chunk(hdr_png(np.ascontiguousarray(stored), _TRANSFER_PQ), b"eXIf", tags)
    assert off(read(content).rgb, scene()) <= 2


def test_a_profile_may_state_hdr_too() -> None:
    """ICC 4.4: a `cicp` tag in the profile of any file."""
    icc = profile("display-p3")
    table, body = icc[132 : 132 + 12 * icc[131]], icc[132 + 12 * icc[131] :]
    moved = b"".join(
        table[at : at + 4]
        + struct.pack(
            ">II",
            int.from_bytes(table[at + 4 : at + 8], "big") + 12,
            int.from_bytes(table[at + 8 : at + 12], "big"),
        )
        for at in range(0, len(table), 12)
    )
    tag = b"cicp" + struct.pack(">II", len(icc) + 12, 12)
    inside = b"cicp" + bytes(4) + bytes((9, _TRANSFER_PQ, 0, 1))
    whole = (
        struct.pack(">I", len(icc) + 24)
        + icc[4:128]
        + bytes((0, 0, 0, icc[131] + 1))
        + moved
        + tag
        + body
        + inside
    )
    content = encode((signal(card(), _TRANSFER_PQ) >> 8).astype(np.uint8), "PNG", icc_profile=whole)
    photo = read(content)
    assert photo.meta.icc is None
    assert off(photo.rgb, card()) <= 8


@pytest.mark.parametrize("form", ["PNG", "HEIF", "AVIF"])
def test_wide_colors_stated_by_code_points(form: str) -> None:
    """No profile, no HDR: P3 by nclx or cICP becomes a profile that shows the same."""
    if form == "PNG":
        content = with_chunk(encode(scene(), "PNG"), b"cICP", bytes((12, 13, 0, 1)))
    else:
        content = boxed(form, scene().astype(np.uint16) * 257, 12, 13)
    photo = read(content)
    assert photo.meta.icc is not None
    assert off(seen(photo.rgb, photo.meta.icc), seen(photo.rgb, profile("display-p3"))) <= 1


def test_srgb_by_code_points_is_no_profile() -> None:
    for codes in ((1, 13), (1, 1), (2, 2), (1, 2)):
        content = with_chunk(encode(scene(), "PNG"), b"cICP", bytes((*codes, 0, 1)))
        assert read(content).meta.icc is None


def test_gamma_and_chromaticities_of_a_png() -> None:
    plain = encode(scene(), "PNG")
    assert read(with_chunk(plain, b"gAMA", struct.pack(">I", 45_455))).meta.icc is None
    photo = read(with_chunk(plain, b"gAMA", struct.pack(">I", 100_000)))
    assert off(seen(photo.rgb, photo.meta.icc), seen(scene(), profile("linear"))) <= 1
    p3 = (31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000)
    photo = read(with_chunk(plain, b"cHRM", struct.pack(">8I", *p3)))
    assert off(seen(photo.rgb, photo.meta.icc), seen(scene(), profile("display-p3"))) <= 1
    assert not is_srgb_profile(photo.meta.icc)
    assert np.array_equal(photo.rgb, scene())
    for odd in (bytes(32), b"\xff" * 32, struct.pack(">8I", *[31_270] * 8)):
        assert np.array_equal(read(with_chunk(plain, b"cHRM", odd)).rgb, scene())


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12))
def test_damaged_boxes_state_something_or_nothing(
    form: str, damage: list[tuple[float, int]]
) -> None:
    content = bytearray(_BOXED[form])
    head = min(len(content), 500)
    for place, value in damage:
        content[int(place * head)] = value
    found = cicp.read_cicp(bytes(content))
    assert found is None or isinstance(found.profile(), bytes | None)


_BOXED = {form: encode(scene(), form) for form in ("HEIF", "AVIF")}


def test_reported_hdr_files(shared) -> None:
    truth = read(shared / "faults" / "card_srgb_truth.png").rgb
    for name in ("card_pq.heic", "card_pq_cicp.png"):
        assert off(read(shared / "faults" / name).rgb, truth) <= 8, name
