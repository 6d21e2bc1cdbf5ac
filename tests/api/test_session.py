"""A session loads each network once, whoever asks, and cuts the same as any other way in."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import depthmatte as dm
import tinynets
from depthmatte.io.depthmaps.depth_reader import to_raw_depth
from depthmatte.networks import network

SHAPE = (80, 60)


def person() -> np.ndarray:
    """Portrait for the tiny networks: red and green, without blue."""
    rgb = np.zeros((*SHAPE, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[20:60, 15:45] = (255, 255, 0)
    return rgb


@pytest.fixture
def nets(tmp_path: Path) -> dict[str, str]:
    return tinynets.save(tmp_path)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The name of every network that loads, in order; loading itself stays real."""
    seen: list[str] = []
    real = network.Network.__init__

    def counted(self: network.Network, source: Any, *args: Any, **kwargs: Any) -> None:
        real(self, source, *args, **kwargs)
        seen.append(self.contract.task)

    monkeypatch.setattr(network.Network, "__init__", counted)
    return seen


def test_four_threads_and_six_subjects_load_each_network_once(
    nets: dict[str, str], loads: list[str]
) -> None:
    subjects = ["auto", "nearest", "largest", "all", "30,40", (20, 30)]
    start = threading.Barrier(4)
    with dm.Session(networks=nets, threads=1) as session:

        def work(_: int) -> list[dm.Portrait]:
            start.wait(timeout=30)
            return [session.cut(person(), subject=subject) for subject in subjects]

        with ThreadPoolExecutor(4) as pool:
            rows = list(pool.map(work, range(4)))
    assert sorted(loads) == ["depth", "fuse", "matte"]
    for column in zip(*rows, strict=True):
        assert all(portrait == column[0] for portrait in column)


def test_options_of_one_photo_load_nothing_anew(nets: dict[str, str], loads: list[str]) -> None:
    asked: list[dict[str, Any]] = [
        {},
        {"second_look": False},
        {"orient": "rotate"},
        {"depth_source": "none"},
        {"fusion": "none"},
        {"fusion": "product"},
        {"depth_source": "mono"},
        {"color": "srgb"},
    ]
    for options in asked:
        dm.cut(person(), **{f"{task}_network": path for task, path in nets.items()}, **options)
    assert sorted(loads) == ["depth", "fuse", "matte"]


def test_what_is_not_needed_does_not_load(nets: dict[str, str], loads: list[str]) -> None:
    session = dm.Session(networks=nets | {"depth": "gone.onnx"})
    assert loads == []
    session.cut(person(), depth_source="none")
    assert loads == ["matte"]
    with pytest.raises(dm.InputError, match=r"gone\.onnx"):
        session.cut(person(), depth_source="mono")


def test_a_closed_session_loads_again(nets: dict[str, str], loads: list[str]) -> None:
    with dm.Session(networks=nets) as session:
        session.cut(person(), depth_source="none")
    assert session.running == {}
    session.cut(person(), depth_source="none")
    assert loads == ["matte", "matte"]
    assert session.running == {"matte": "CPUExecutionProvider"}


@pytest.mark.parametrize("workers", [1, 2, 5, None])
def test_map_gives_what_a_loop_gives(nets: dict[str, str], workers: int | None) -> None:
    shades = [np.where(person() > 0, np.uint8(255 - 10 * k), np.uint8(0)) for k in range(7)]
    session = dm.Session(networks=nets)
    expected = [session.cut(shade) for shade in shades]
    assert list(session.map(iter(shades), workers=workers)) == expected
    sizes = session.map(shades, then=lambda portrait: portrait.alpha.shape, workers=workers)
    assert list(sizes) == [SHAPE] * len(shades)


def test_map_reads_no_further_than_needed(nets: dict[str, str]) -> None:
    given: list[int] = []

    def photos() -> Any:
        for k in range(100):
            given.append(k)
            yield person()

    answers = dm.Session(networks=nets).map(photos(), workers=2)
    next(answers)
    assert len(given) <= 4
    answers.close()


def test_map_raises_at_the_photo_that_fails(nets: dict[str, str], tmp_path: Path) -> None:
    answers = dm.Session(networks=nets).map([person(), tmp_path / "gone.png", person()])
    assert next(answers).found
    with pytest.raises(dm.InputError, match=r"gone\.png"):
        next(answers)


def test_what_the_caller_gives_wins(nets: dict[str, str], tmp_path: Path) -> None:
    """A photo that holds depth, and a caller with depth of his own."""
    near, far = np.full(SHAPE, 0.5, np.float32), np.full(SHAPE, 3.0, np.float32)
    near[20:60, 15:45] = 0.3
    session = dm.Session(networks=nets)
    own = dm.attach(dm.Photo(person()), depth=to_raw_depth(far, "mine"))
    assert own.evidence.depth_map is not None
    holds = dm.Photo(person(), evidence=dm.Evidence(embedded_depth=to_raw_depth(near, "phone")))
    assert session.cut(holds).measured.source == "stored"
    portrait = session.cut(holds, depth=far)
    assert portrait.measured.source == "sensor"
    assert portrait.measured.z[portrait.measured.known].max() == pytest.approx(3)
    assert session.cut(holds, depth=far, depth_source="stored").measured.source == "stored"
    assert session.cut(own).measured.source == "sensor"
    assert session.cut(dm.attach(holds, depth=far)).measured.source == "sensor"


def png(rgb: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "PNG")
    return file.getvalue()


def test_every_kind_of_photo_is_taken(nets: dict[str, str], tmp_path: Path) -> None:
    rgb = person()
    (tmp_path / "a.png").write_bytes(png(rgb))
    clear = np.dstack([rgb, np.full(SHAPE, 255, np.uint8)])
    sources = {
        "path": tmp_path / "a.png",
        "text": str(tmp_path / "a.png"),
        "bytes": png(rgb),
        "file": io.BytesIO(png(rgb)),
        "image": Image.fromarray(rgb),
        "rgba image": Image.fromarray(clear),
        "rgba": clear,
        "float": rgb.astype(np.float32) / 255,
        "uint16": rgb.astype(np.uint16) * 257,
        "photo": dm.Photo(rgb),
    }
    session = dm.Session(networks=nets)
    expected = session.cut(rgb).alpha
    for name, source in sources.items():
        np.testing.assert_array_equal(session.cut(source).alpha, expected, err_msg=name)
    gray = rgb[..., 0]
    same = session.cut(np.repeat(gray[..., None], 3, axis=2)).alpha
    for source in (gray, gray[..., None], Image.fromarray(gray)):
        np.testing.assert_array_equal(session.cut(source).alpha, same)


def test_a_second_view_may_be_pixels(nets: dict[str, str]) -> None:
    rng = np.random.default_rng(3)
    wide = rng.integers(0, 255, (*SHAPE, 3), np.uint8)
    left, right = np.ascontiguousarray(wide[:, 4:]), np.ascontiguousarray(wide[:, :-4])
    session = dm.Session(networks=nets | {"stereo": "sgbm"})
    by_array = session.cut(left, right=right)
    by_image = session.cut(left, right=Image.fromarray(right))
    assert by_array.photo.evidence.second_view is not None
    assert by_array == by_image


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fusion": "mean"}, "fusion is 'mean'; give"),
        ({"orient": "up"}, "orient is 'up'; give"),
        ({"subject": "me"}, "subject is 'me'; give"),
        ({"subject": (1, 2, 3)}, "subject"),
        ({"subject": (float("nan"), 2)}, "subject"),
        ({"depth_scale": -1}, "depth_scale"),
        ({"calib": "no-such-file.json"}, "no-such-file|calib"),
        ({"depth_scale": 5}, "goes with depth"),
        ({"sensor": dm.SensorOptions(near=0.1)}, "goes with depth"),
        ({"colour": "srgb"}, "colour: no such option"),
        ({"subject": (9999, 1)}, "outside the photo"),
        ({"fusion": "normalized", "depth_source": "none"}, "needs depth"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    options: dict[str, Any], says: str, nets: dict[str, str]
) -> None:
    with pytest.raises(dm.InputError, match=says):
        dm.Session(networks=nets).cut(person(), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"threads": 0},
        {"threads": -1},
        {"threads": 1_000_000},
        {"threads": 1.5},
        {"device": "abacus"},
        {"colour": 1},
        {"networks": {"mat": "x.onnx"}},
        {"networks": "mine.onnx"},
        {"networks": ["mine.onnx"]},
        {"options": {"threads": 1}},
        {"options": dm.SessionOptions},
        {"providers": "CPUExecutionProvider"},
        {"providers": []},
        {"providers": [("CPUExecutionProvider", {})]},
    ],
)
def test_what_a_session_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(dm.InputError, match=";"):
        dm.Session(**options).network("matte")


def test_options_must_be_options(nets: dict[str, str]) -> None:
    """A dictionary is not taken for options, nor one photo for a list of photos."""
    session = dm.Session(networks=nets)
    wrong: Any = {"fusion": "none"}
    for ask in (session.cut, dm.cut):
        with pytest.raises(dm.OptionError, match="give CutOptions"):
            ask(person(), options=wrong)
    for one in ("me.jpg", Path("me.jpg"), b"me", dm.Photo(person())):
        photos: Any = one
        with pytest.raises(dm.OptionError, match="give a list"):
            session.map(photos)


def test_an_option_of_another_kind_is_not_sent_on(nets: dict[str, str]) -> None:
    with pytest.raises(dm.OptionError, match="give CutOptions"):
        dm.Session(networks=nets).cut(person(), options=dm.SessionOptions())  # type: ignore[arg-type]
