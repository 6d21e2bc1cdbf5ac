"""The nodes. An IMAGE is float32 (B, H, W, 3) in [0, 1], a MASK float32 (B, H, W) in [0, 1].

Inputs are made from the options of depthmatte, so that help, ranges and choices are the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch

import depthmatte as dm
from depthmatte.effects import EFFECTS
from depthmatte.option_fields import Option, list_options, parse_options
from depthmatte.session import default_session

_CATEGORY = "depthmatte"
_SESSION = "DEPTHMATTE_SESSION"
_IMAGE = ("IMAGE", {})
_DEPTH = ("IMAGE", {"tooltip": "Use this depth map, in which near is white."})

_CUT_INPUTS = ("subject", "fusion", "depth_source", "second_look")
_SESSION_INPUTS = ("device", "matte_network", "depth_network", "remote", "remote_fallback")


def _inputs(cls: type, names: Collection[str] | None = None) -> dict[str, tuple[Any, Any]]:
    """Make the inputs of a node from the options of a dataclass."""
    return {
        one.name: _input(one) for one in list_options(cls) if names is None or one.name in names
    }


def _input(one: Option) -> tuple[Any, dict[str, Any]]:
    """Make one input: a list of choices, or a type with default, range and tooltip."""
    about: dict[str, Any] = {
        "default": one.default,
        "tooltip": f"{one.help[:1].upper()}{one.help[1:]}: {one.takes}.",
    }
    first = one.kinds[0]
    if first is bool:
        return "BOOLEAN", about
    if first in (int, float) and one.default is not None:
        low, high = one.metadata["min"], one.metadata["max"]
        about |= {"min": low, "max": high, "step": 1 if first is int else (high - low) / 100}
        return ("INT" if first is int else "FLOAT"), about
    if one.choices:
        return list(one.choices), about
    return "STRING", about | {"default": one.format_value(one.default)}


def _make(cls: type, values: dict[str, Any]) -> Any:
    """Make the dataclass from the inputs of a node. An empty text leaves the default."""
    known = {one.name for one in list_options(cls)}
    given = {name: value for name, value in values.items() if name in known and value != ""}
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    typed = {name: value for name, value in given.items() if name not in texts}
    return replace(parse_options(cls, texts), **typed)


def _photos(image: torch.Tensor) -> Iterator[np.ndarray]:
    """Yield the images of a batch, uint8 (H, W, 3), until the user presses cancel."""
    for one in image:
        _stop_if_cancelled()
        levels = one[..., :3].detach().cpu().float().clamp(0, 1).mul(255).round()
        yield np.ascontiguousarray(levels.to(torch.uint8).numpy())


def _stop_if_cancelled() -> None:
    try:
        from comfy.model_management import throw_exception_if_processing_interrupted as check
    except ImportError:  # outside ComfyUI
        return
    check()


def _image(pictures: list[np.ndarray]) -> torch.Tensor:
    """Stack pictures, uint8 (H, W, 3), as an IMAGE."""
    return torch.from_numpy(np.stack(pictures).astype(np.float32) / np.float32(255))


def _mask(maps: list[np.ndarray]) -> torch.Tensor:
    """Stack maps, float32 (H, W) in [0, 1], as a MASK."""
    return torch.from_numpy(np.stack(maps).astype(np.float32))


def _each(batch: torch.Tensor | None, count: int, name: str) -> list[np.ndarray | None]:
    """Split an optional MASK or IMAGE into maps, float32 (H, W); one map serves all images."""
    if batch is None:
        return [None] * count
    gray = batch[..., :3].mean(-1) if batch.ndim == 4 else batch
    maps = list(gray.detach().cpu().float().clamp(0, 1).numpy())
    if len(maps) not in (1, count):
        raise dm.InputError(f"{name}: has {len(maps)} pictures for {count} images; give one each")
    return maps * count if len(maps) == 1 else maps


def _cuts(
    image: torch.Tensor,
    session: dm.Session | None,
    options: dm.CutOptions,
    depth: torch.Tensor | None = None,
) -> Iterator[dm.Portrait]:
    """Cut the images of a batch, one after the other."""
    session = session or default_session()
    for photo, near in zip(_photos(image), _each(depth, len(image), "depth"), strict=True):
        if near is None:
            yield session.cut(photo, options=options)
        else:
            yield session.cut(photo, depth=near, options=replace(options, depth_kind="inverse"))


class LoadSession:
    """Choose networks, device and server."""

    CATEGORY = _CATEGORY
    DESCRIPTION = "Choose the networks, the hardware, or the server that runs them."
    RETURN_TYPES = (_SESSION,)
    RETURN_NAMES = ("session",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Return the inputs, as ComfyUI asks for them."""
        return {"required": _inputs(dm.SessionOptions, _SESSION_INPUTS)}

    def load(self, **values: Any) -> tuple[dm.Session]:
        """Return the session; it is made once for the same values."""
        return (default_session(_make(dm.SessionOptions, values)),)


class CutPerson:
    """Cut people out."""

    CATEGORY = _CATEGORY
    DESCRIPTION = "Cut people out. In the mask 1 is the person."
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("image", "mask")
    OUTPUT_TOOLTIPS = (
        "The person on black. Its edges have the colors of the person, not of the background.",
        "The opacity of the person.",
    )
    FUNCTION = "cut"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Return the inputs, as ComfyUI asks for them."""
        return {
            "required": {"image": _IMAGE, **_inputs(dm.CutOptions, _CUT_INPUTS)},
            "optional": {"depth": _DEPTH, "session": (_SESSION, {})},
        }

    def cut(
        self,
        image: torch.Tensor,
        depth: torch.Tensor | None = None,
        session: dm.Session | None = None,
        **values: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the IMAGE on black and the MASK, both of the size of `image`."""
        colors, alphas = [], []
        for portrait in _cuts(image, session, _make(dm.CutOptions, values), depth):
            colors.append(portrait.cutout()[..., :3])
            alphas.append(portrait.alpha)
        return _image(colors), _mask(alphas)


class EstimateDepth:
    """Estimate depth."""

    CATEGORY = _CATEGORY
    DESCRIPTION = "Estimate the depth of a photo. Near is white."
    RETURN_TYPES = ("IMAGE", "MASK")
    RETURN_NAMES = ("depth", "confidence")
    OUTPUT_TOOLTIPS = (
        "Near is white, far is black.",
        "How probable it is that the depth is right.",
    )
    FUNCTION = "estimate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Return the inputs, as ComfyUI asks for them."""
        return {"required": {"image": _IMAGE}, "optional": {"session": (_SESSION, {})}}

    def estimate(
        self, image: torch.Tensor, session: dm.Session | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the depth as a gray IMAGE and its probability as a MASK."""
        near, certain = [], []
        for portrait in _cuts(image, session, dm.CutOptions(depth_source="mono")):
            valid = portrait.depth_prob > 0
            near.append(np.where(valid, 1 - portrait.depth, np.float32(0)))
            certain.append(portrait.depth_prob)
        return _mask(near)[..., None].repeat(1, 1, 1, 3), _mask(certain)


class _EffectNode:
    """A node that applies an effect to each image of a batch."""

    CATEGORY = _CATEGORY
    RETURN_TYPES = ("IMAGE",)
    RETURN_NAMES = ("image",)
    FUNCTION = "apply"
    EFFECT: ClassVar[str]

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Return the inputs, as ComfyUI asks for them."""
        return {
            "required": {"image": _IMAGE, **_inputs(EFFECTS[cls.EFFECT])},
            "optional": {
                "mask": ("MASK", {"tooltip": "Use this mask of the person instead of cutting."}),
                "depth": _DEPTH,
                "session": (_SESSION, {}),
            },
        }

    def apply(
        self,
        image: torch.Tensor,
        mask: torch.Tensor | None = None,
        depth: torch.Tensor | None = None,
        session: dm.Session | None = None,
        **values: Any,
    ) -> tuple[torch.Tensor]:
        """Return the IMAGE with the effect."""
        effect = _make(EFFECTS[self.EFFECT], values)
        portraits: Iterator[dm.Portrait]
        if mask is None:
            portraits = _cuts(image, session, dm.CutOptions(), depth)
        else:
            portraits = _masked(image, mask, depth)
        return (_image([effect(portrait)[..., :3] for portrait in portraits]),)


def _masked(
    image: torch.Tensor, mask: torch.Tensor, depth: torch.Tensor | None
) -> Iterator[dm.Portrait]:
    """Make portraits from images and the masks of the user, without networks."""
    maps = zip(
        _photos(image),
        _each(mask, len(image), "mask"),
        _each(depth, len(image), "depth"),
        strict=True,
    )
    for photo, alpha, near in maps:
        shape = photo.shape[:2]
        fitted = None if near is None else 1 - _fit(near, shape)
        yield dm.Portrait.from_arrays(photo, _fit(alpha, shape), fitted)


def _fit(values: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """Scale a map to the size of the image, as ComfyUI's own nodes do."""
    tensor = torch.as_tensor(values)[None, None]
    if tensor.shape[2:] != shape:
        tensor = torch.nn.functional.interpolate(tensor, size=shape, mode="bilinear")
    return tensor[0, 0].numpy()


class BlurBackground(_EffectNode):
    """Blur the background."""

    DESCRIPTION = "Blur the background like a lens with a wide aperture."
    EFFECT = "blur"


NODE_CLASS_MAPPINGS = {
    "DepthmatteSession": LoadSession,
    "DepthmatteCut": CutPerson,
    "DepthmatteDepth": EstimateDepth,
    "DepthmatteBlur": BlurBackground,
}
"""Name in workflow files -> class."""

NODE_DISPLAY_NAME_MAPPINGS = {
    "DepthmatteSession": "Networks (depthmatte)",
    "DepthmatteCut": "Cut out person (depthmatte)",
    "DepthmatteDepth": "Estimate depth (depthmatte)",
    "DepthmatteBlur": "Blur background (depthmatte)",
}
"""Name in workflow files -> title of the node."""
