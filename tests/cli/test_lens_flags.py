"""`--focus`, `--aperture` and `--shape` are the fields of the effect blur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cutting import files, run
from depthmatte.batch.cutting.effect_argument import parse_effect_argument
from depthmatte.effects import Blur
from depthmatte.errors import OptionError
from depthmatte.option_fields import option_names
from depthmatte.options import LensOptions

SHARES = st.integers(0, 100).map(lambda part: part / 100)
LENSES = st.builds(
    LensOptions,
    focus=st.none() | st.tuples(SHARES, SHARES),
    aperture=st.none() | st.integers(5, 1280).map(lambda tenths: tenths / 10),
    shape=st.none() | st.sampled_from(["disc", "5", "9"]),
)


@given(LENSES, st.sampled_from(["", "blur", "blur:", "blur:strength=0.25"]))
def test_what_the_flags_say_is_what_the_effect_gets(lens: LensOptions, effect: str) -> None:
    given = {name: getattr(lens, name) for name in option_names(LensOptions)}
    wanted = {name: value for name, value in given.items() if value is not None}
    effects = [effect] if effect else []
    made = lens.add_to(effects)
    if not wanted:
        assert made == tuple(effects)
        return
    strength = {"strength": 0.25} if "strength" in effect else {}
    [text] = made
    assert parse_effect_argument(text)[1] == Blur(**wanted, **strength)
    assert lens.add_to_only(effect or None, None) == text


@given(LENSES)
def test_other_effects_stay(lens: LensOptions) -> None:
    made = lens.add_to(["beautify", "outline:width=3"])
    assert made[:2] == ("beautify", "outline:width=3")
    assert len(made) == (2 if lens == LensOptions() else 3)


@pytest.mark.parametrize("effect", ["blur:aperture=2", "blur@b:shape=5,aperture = 2"])
def test_a_field_is_given_once(effect: str) -> None:
    with pytest.raises(OptionError, match=r"--aperture and --effect blur.*give it once"):
        LensOptions(aperture=1.8).add_to(["cutout", effect])
    named = LensOptions(shape="7").add_to(["blur:aperture=2", "blur@b:strength=1"])
    assert named == ("blur:aperture=2,shape=7", "blur@b:strength=1,shape=7")


def test_a_video_has_one_effect() -> None:
    lens = LensOptions(aperture=1.8, shape="6")
    with pytest.raises(OptionError, match="--aperture and --shape: belongs to the effect blur"):
        lens.add_to_only("beautify", None)
    with pytest.raises(OptionError, match="--background exclude"):
        lens.add_to_only(None, "red")
    assert LensOptions().add_to_only("beautify", "red") == "beautify"


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.usefixtures("photos")
def test_the_flags_imply_the_effect(nets: list[str]) -> None:
    lens = ("--aperture", "1.2", "--shape", "6", "--focus", "0.9,0.1")
    done = run("cut", "photos/a.png", *lens, "-o", "short", *nets)
    assert done.exit_code == 0, done.output
    assert files("short") == ["short/a.blur.png"]
    written = "blur:focus=0.9;0.1,aperture=1.2,shape=6"
    assert run("cut", "photos/a.png", "--effect", written, "-o", "long", *nets).exit_code == 0
    assert np.array_equal(pixels("short/a.blur.png"), pixels("long/a.blur.png"))
    assert not np.array_equal(pixels("short/a.blur.png"), pixels("photos/a.png"))


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--aperture", "0.1"), "--aperture"),
        (("--focus", "640,360"), "--focus"),
        (("--focus", "0.5"), "--focus"),
        (("--shape", "4"), "--shape"),
        (("--shape", "5", "--effect", "blur:shape=6"), "--shape and --effect"),
    ],
)
def test_wrong_values_are_one_line(nets: list[str], words: tuple[str, ...], says: str) -> None:
    done = run("cut", "photos/a.png", *words, *nets)
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert says in line
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["video", "live"])
def test_video_and_live_have_the_flags(command: str) -> None:
    places = ("clip.mp4", "-o", "x.mp4") if command == "video" else ("--source", "clip.mp4")
    sink = () if command == "video" else ("--sink", "x.mkv")
    done = run(command, *places, *sink, "--aperture", "2", "--effect", "blur:aperture=3")
    assert done.exit_code == 2
    assert "give it once" in done.stderr
