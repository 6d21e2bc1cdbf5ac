"""Every option is written once: command line, Python, JSON schema and docs say the same of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import depthmatte as dm
from depthmatte import options
from depthmatte.api import cut
from depthmatte.cli.app import app
from depthmatte.effects import EFFECTS
from depthmatte.fusion import FUSIONS
from depthmatte.networks import devices
from depthmatte.option_fields import (
    Option,
    has_current_tables,
    json_schema,
    option_names,
    parse_options,
    to_json_values,
)
from depthmatte.option_fields import list_options as options_of
from depthmatte.options import (
    CutOptions,
    EdgeOptions,
    LensOptions,
    OutputOptions,
    SensorOptions,
    SessionOptions,
)
from places import ROOT

DOCS = ROOT / "docs"
PAGE = "".join((DOCS / "reference" / page).read_text("utf-8") for page in ("cli.md", "options.md"))
HELP = re.sub(
    r"\s+", " ", CliRunner().invoke(app, ["cut", "--help"], env={"COLUMNS": "999"}).output
)

OTHER: dict[str, tuple[Any, str]] = {
    "subject": ((12.0, 30.5), "12,30.5"),
    "segmenter": ("spectral", "spectral"),
    "quality": ("best", "best"),
    "refine": ("closed-form", "closed-form"),
    "fusion": ("product", "product"),
    "depth_source": ("mono", "mono"),
    "depth_kind": ("inverse", "inverse"),
    "depth_scale": (5000.0, "5000"),
    "sensor": (SensorOptions(near=0.4, far=5), "near=0.4,far=5"),
    "orient": ("rotate", "rotate"),
    "second_look": (False, "false"),
    "keep": (((12.0, 30.5), (3.0, 4.0)), "12,30.5;3,4"),
    "drop": (((1.0, 2.0),), "1,2"),
    "box": ((1.0, 2.0, 30.0, 40.5), "1,2,30,40.5"),
    "clean": (True, "true"),
    "edge": (EdgeOptions(shift=-1.5, feather=2), "shift=-1.5,feather=2"),
    "color": ("srgb", "srgb"),
    "strip": ("gps", "gps"),
    "device": ("cpu", "cpu"),
    "threads": (3, "3"),
    "matte_network": ("a.onnx", "a.onnx"),
    "depth_network": ("b.onnx", "b.onnx"),
    "stereo_network": ("sgbm", "sgbm"),
    "network": (("c.onnx",), "c.onnx"),
    "remote": ("http://host:8000", "http://host:8000"),
    "remote_timeout": (2.5, "2.5"),
    "remote_retries": (0, "0"),
    "remote_fallback": (True, "true"),
    "preset": (2.0, "2"),
    "interpolation": ("nearest", "nearest"),
    "blur": (1.5, "1.5"),
    "near": (0.3, "0.3"),
    "far": (4.0, "4"),
    "max_time_difference": (0.1, "0.1"),
    "out": ("there", "there"),
    "save": ("alpha", "alpha"),
    "effect": (("blur",), "blur"),
    "background": ("red", "red"),
    "format": ("webp", "webp"),
    "bits": ("16", "16"),
    "focus": ((0.5, 0.25), "0.5,0.25"),
    "aperture": (1.8, "1.8"),
    "shape": ("7", "7"),
    "crop": ("16:9", "16:9"),
    "each": (True, "true"),
    "write_depth": ("gdepth", "gdepth"),
    "name": ("{stem}-{kind}", "{stem}-{kind}"),
    "exists": ("skip", "skip"),
    "resume": (True, "true"),
    "jobs": (2, "2"),
    "watch": (True, "true"),
    "report": ("html", "html"),
    "ray": ("local", "local"),
    "json": (True, "true"),
    "quiet": (True, "true"),
}
"""For each option a value that is not its default, and how it is typed."""

ALL = [
    (cls, one)
    for cls in (CutOptions, SessionOptions, SensorOptions, OutputOptions, LensOptions)
    for one in options_of(cls)
]


@pytest.mark.parametrize(("cls", "one"), ALL, ids=[f"{c.__name__}.{o.name}" for c, o in ALL])
def test_every_option_goes_through_cli_api_schema_and_docs(cls: type, one: Option) -> None:
    value, typed = OTHER[one.name]
    made = cls(**{one.name: value})
    assert getattr(made, one.name) == value != one.default
    assert one.format_value(
        getattr(parse_options(cls, {one.name: typed}), one.name)
    ) == one.format_value(value)
    told = json_schema(cls)["properties"][one.name]
    assert told["description"].startswith(one.help)
    assert cls(**json.loads(json.dumps(to_json_values(made), allow_nan=False))) == made
    command = {each.name: each for each in get_command(app).commands["cut"].params}
    if cls is SensorOptions:
        assert f"| `{one.name}` |" in PAGE
    else:
        flag = command[one.name]
        for spelling in one.flags:
            assert spelling in flag.opts
            assert f"`{spelling}`" in PAGE
        assert one.help[1:] in HELP
    assert one.help in PAGE


def test_the_walk_forgets_no_option() -> None:
    assert {one.name for _, one in ALL} == set(OTHER)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_tables_in_the_docs_are_fresh(page: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("tables", DOCS / "tables.py")
    assert spec
    assert spec.loader
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    assert has_current_tables(page, tables.TABLES), "make docs"


def test_choices_are_those_of_the_code_that_acts_on_them() -> None:
    assert get_args(options.Device) == devices._DEVICE_CHOICES
    assert get_args(options.FusionName) == tuple(FUSIONS)
    with dm.Session() as session:
        assert {"auto", *session.sources(), "none"} == set(get_args(options.DepthSource))
    assert {name for name, rule in FUSIONS.items() if rule.needs_depth} == set(
        options._FUSIONS_NEEDING_DEPTH
    )


def test_effects_are_options_too() -> None:
    for effect in EFFECTS.values():
        assert option_names(effect)
        assert json_schema(effect)["properties"].keys() == set(option_names(effect))


def test_python_takes_every_option_by_its_name(tmp_path: Path) -> None:
    """`cut` sorts what loads from what is asked; a name nobody knows is one clear line."""
    rgb = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(dm.InputError, match=r"a\.onnx: no such network file"):
        cut(rgb, matte_network="a.onnx", subject="nearest")
    with pytest.raises(dm.OptionError, match="colour: no such option; use subject"):
        cut(rgb, colour="srgb")
    with pytest.raises(dm.OptionError, match=r"thread: no such option; .* threads"):
        cut(rgb, thread=1)


@pytest.mark.parametrize(
    "text", ["auto", "nearest", "largest", "all", "3,4", "-1.5,2e2", "person:2", "box:1,2,3,4"]
)
def test_a_subject_as_text_is_the_same_as_its_value(text: str) -> None:
    made = replace(CutOptions(), subject=text)
    assert options.parse_subject(made.subject) == options.parse_subject(text)


def test_options_inside_options_are_given_in_any_way() -> None:
    """As an instance, as JSON has them, and as the command line has them: the same."""
    wanted = CutOptions(sensor=SensorOptions(near=0.4, far=5))
    for given in ({"near": 0.4, "far": 5}, "near=0.4,far=5"):
        ask: Any = given
        assert CutOptions(sensor=ask) == wanted
    for wrong, says in (
        ({"nearr": 1}, "sensor: no option 'nearr'; use preset"),
        ("nearr=1", "sensor: no option 'nearr'; use preset"),
        ("near", "sensor: 'near': has no value; write NAME=VALUE"),
        ({"near": -1}, "sensor: near is -1; give a number"),
        ({1: 2}, "sensor: no option 1; use preset"),
    ):
        ask = wrong
        with pytest.raises(dm.OptionError, match=f"^{re.escape(says)}"):
            CutOptions(sensor=ask)


def test_the_old_name_of_the_stereo_network_means_the_same() -> None:
    assert SessionOptions(stereo_network="network") == SessionOptions(stereo_network="stereo")
    with pytest.raises(dm.OptionError, match="network: unknown network"):
        dm.Session(matte_network="network").network("matte")
