"""The node pack loads and runs as ComfyUI loads and runs it."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tomllib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import depthmatte as dm
import tinynets
from depthmatte.effects import EFFECTS
from places import ROOT

torch = pytest.importorskip("torch", reason="needs the extra train")

PACK = ROOT / "integrations" / "comfyui"
TYPES = {"IMAGE", "MASK", "INT", "FLOAT", "STRING", "BOOLEAN", "DEPTHMATTE_SESSION"}
NAMES = ["DepthmatteSession", "DepthmatteCut", "DepthmatteDepth", "DepthmatteBlur"]


@pytest.fixture(scope="module")
def pack() -> Iterator[ModuleType]:
    """The pack, imported from its folder under a name of ComfyUI's kind."""
    name = str(PACK).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(
        name, PACK / "__init__.py", submodule_search_locations=[str(PACK)]
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    for one in [key for key in sys.modules if key.startswith(name)]:
        del sys.modules[one]


@pytest.fixture
def session(tmp_path: Any) -> dm.Session:
    return dm.Session(networks=tinynets.save(tmp_path))


def images(count: int, height: int = 60, width: int = 44) -> Any:
    """An IMAGE: the person of the tiny networks is red."""
    image = torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(3)) / 2
    image[:, 15:45, 12:32, :2] = 1
    return image


def run(pack: ModuleType, name: str, **given: Any) -> tuple[Any, ...]:
    """Run a node as ComfyUI does: defaults filled in, every value checked against its input."""
    cls = pack.NODE_CLASS_MAPPINGS[name]
    kinds = cls.INPUT_TYPES()
    values = {}
    for part in ("required", "optional"):
        for key, (kind, about) in kinds.get(part, {}).items():
            if key in given:
                values[key] = given.pop(key)
            elif part == "required":
                values[key] = about["default"]
            else:
                continue
            if isinstance(kind, list):
                assert values[key] in kind
    assert not given
    results = getattr(cls(), cls.FUNCTION)(**values)
    assert isinstance(results, tuple)
    assert len(results) == len(cls.RETURN_TYPES)
    for kind, result in zip(cls.RETURN_TYPES, results, strict=True):
        if kind in ("IMAGE", "MASK"):
            assert result.dtype == torch.float32
            assert result.ndim == (4 if kind == "IMAGE" else 3)
            assert result.min() >= 0
            assert result.max() <= 1
    return results


@pytest.mark.parametrize("name", NAMES)
def test_a_node_keeps_the_contract(name: str, pack: ModuleType) -> None:
    cls = pack.NODE_CLASS_MAPPINGS[name]
    assert isinstance(cls.CATEGORY, str)
    assert isinstance(cls.DESCRIPTION, str)
    assert isinstance(cls.RETURN_TYPES, tuple)
    assert set(cls.RETURN_TYPES) <= TYPES
    assert len(cls.RETURN_NAMES) == len(cls.RETURN_TYPES)
    kinds = cls.INPUT_TYPES()
    assert set(kinds) <= {"required", "optional", "hidden"}
    takes = inspect.signature(getattr(cls, cls.FUNCTION)).parameters
    for part, inputs in kinds.items():
        for key, (kind, about) in inputs.items():
            assert key.isidentifier()
            assert key in takes or any(one.kind is one.VAR_KEYWORD for one in takes.values())
            assert isinstance(about, dict)
            if isinstance(kind, list):
                assert about["default"] in kind
            else:
                assert kind in TYPES
            if kind in ("INT", "FLOAT"):
                assert about["min"] <= about["default"] <= about["max"]
                assert about["step"] > 0
            if kind in ("STRING", "BOOLEAN"):
                assert isinstance(about["default"], str if kind == "STRING" else bool)
            if part == "optional" and key in takes:
                assert takes[key].default is None


def test_every_node_has_a_title(pack: ModuleType) -> None:
    assert list(pack.NODE_CLASS_MAPPINGS) == list(pack.NODE_DISPLAY_NAME_MAPPINGS) == NAMES


@pytest.mark.parametrize("count", [1, 3])
def test_cut_is_what_python_cuts(count: int, pack: ModuleType, session: dm.Session) -> None:
    batch = images(count)
    image, mask = run(pack, "DepthmatteCut", image=batch, session=session)
    assert image.shape == batch.shape
    assert mask.shape == batch.shape[:3]
    for one, colors, alpha in zip(batch, image, mask, strict=True):
        photo = np.rint(one.numpy() * 255).astype(np.uint8)
        expected = session.cut(photo)
        np.testing.assert_array_equal(alpha.numpy(), expected.alpha)
        np.testing.assert_array_equal(
            np.rint(colors.numpy() * 255), expected.cutout()[..., :3].astype(np.float32)
        )
    assert mask[:, 30, 22].min() > 0.9


def test_options_reach_the_cut(pack: ModuleType, session: dm.Session) -> None:
    batch = images(1)
    photo = np.rint(batch[0].numpy() * 255).astype(np.uint8)
    for values in ({"fusion": "none"}, {"fusion": "product", "depth_source": "mono"}):
        mask = run(pack, "DepthmatteCut", image=batch, session=session, **values)[1]
        np.testing.assert_array_equal(mask[0].numpy(), session.cut(photo, **values).alpha)
    with pytest.raises(dm.OptionError):
        run(pack, "DepthmatteCut", image=batch, session=session, subject="nobody")


def test_a_depth_map_counts(pack: ModuleType, session: dm.Session) -> None:
    batch = images(1)
    near = torch.zeros(1, 60, 44, 3)
    near[:, :, 22:] = 1
    values = {"image": batch, "session": session, "fusion": "product", "depth_source": "sensor"}
    _, mask = run(pack, "DepthmatteCut", depth=near, **values)
    assert mask[0, 20:40, 26:30].mean() > 5 * mask[0, 20:40, 14:18].mean()


def test_depth_is_white_where_it_is_near(pack: ModuleType, session: dm.Session) -> None:
    batch = images(2)
    depth, confidence = run(pack, "DepthmatteDepth", image=batch, session=session)
    assert depth.shape == batch.shape
    assert confidence.shape == batch.shape[:3]
    photo = np.rint(batch[1].numpy() * 255).astype(np.uint8)
    expected = session.cut(photo, depth_source="mono")
    valid = expected.depth_prob > 0
    assert valid.any()
    for plane in range(3):
        found = depth[1, ..., plane].numpy()
        np.testing.assert_array_equal(found[valid], (1 - expected.depth)[valid])


def test_blur_leaves_the_person(pack: ModuleType, session: dm.Session) -> None:
    batch = images(2)
    (image,) = run(pack, "DepthmatteBlur", image=batch, session=session, strength=1.0)
    photo = np.rint(batch[0].numpy() * 255).astype(np.uint8)
    expected = session.cut(photo).blur(strength=1.0)
    np.testing.assert_array_equal(np.rint(image[0].numpy() * 255), expected.astype(np.float32))
    (same,) = run(pack, "DepthmatteBlur", image=batch, session=session, strength=0)
    assert (same - batch).abs().max() <= 0.5 / 255 + 1e-6


def test_a_mask_replaces_the_networks(pack: ModuleType) -> None:
    batch = images(2)
    small = torch.zeros(1, 30, 22)
    small[:, 8:22, 6:16] = 1
    gone = dm.Session(matte_network="gone.onnx")
    (image,) = run(pack, "DepthmatteBlur", image=batch, mask=small, session=gone)
    assert image.shape == batch.shape
    assert (image[:, 20:40, 16:28] - batch[:, 20:40, 16:28]).abs().max() <= 0.5 / 255 + 1e-6
    with pytest.raises(dm.InputError, match="has 3 pictures for 2 images"):
        run(pack, "DepthmatteBlur", image=batch, mask=small.repeat(3, 1, 1))


def test_a_session_is_made_once(pack: ModuleType) -> None:
    (first,) = run(pack, "DepthmatteSession", device="cpu")
    (second,) = run(pack, "DepthmatteSession", device="cpu")
    (third,) = run(pack, "DepthmatteSession", remote="http://127.0.0.1:9", remote_fallback=True)
    assert first is second
    assert first.options.remote is None
    assert third.options.remote == "http://127.0.0.1:9"


def test_values_outside_the_range_are_clipped(pack: ModuleType, session: dm.Session) -> None:
    batch = images(1) * 3 - 1
    _, mask = run(pack, "DepthmatteCut", image=batch, session=session)
    _, expected = run(pack, "DepthmatteCut", image=batch.clamp(0, 1), session=session)
    assert torch.equal(mask, expected)


def test_the_description_of_the_pack() -> None:
    about = tomllib.loads((PACK / "pyproject.toml").read_text("utf-8"))
    needed = (PACK / "requirements.txt").read_text("utf-8").split()
    assert about["project"]["dependencies"] == needed
    assert about["tool"]["comfy"]["PublisherId"]
    assert EFFECTS["blur"]
