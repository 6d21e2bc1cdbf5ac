"""The trainable networks by name."""

from __future__ import annotations

from dataclasses import replace

from ...fusion.inputs import BLOCK_SIDE_PX, FUSION_INPUTS
from ...segment.refine import DETAIL_INPUTS
from ..confidence_calibration import fit_depth_temperature, fit_sharpness, fit_stereo_temperature
from ..networks.depth import MonoDepthExport, MonoDepthNetwork
from ..networks.detail import DetailExport, DetailNetwork
from ..networks.fusion import FusionExport, FusionNetwork
from ..networks.matte import PortraitExport, PortraitNetwork
from ..networks.parts import PartsExport, PartsNetwork
from ..networks.people import VOTE_REACH_PX, PeopleExport, PeopleNetwork
from ..networks.stereo import MAX_DISPARITY, StereoExport, StereoNetwork
from ..recipe import Recipe
from .depth import DepthSamples, depth_loss, depth_validator
from .detail import DetailSamples, detail_loss, detail_validator
from .fusion import FusionSamples, fusion_loss, fusion_validator
from .matte import MatteSamples, matte_loss, matte_predictor, matte_validator
from .parts import PARTS_REDUCTION, PartSamples, parts_loss, parts_validator
from .people import PeopleSamples, people_loss, people_validator
from .stereo import StereoSamples, stereo_loss, stereo_validator
from .task import TrainingTask

TRAINING_TASKS = {
    "matte": TrainingTask(
        "matte",
        PortraitNetwork,
        MatteSamples,
        lambda logits, batch: matte_loss(logits, batch["alpha"]),
        matte_validator,
        PortraitExport,
        fit_sharpness,
        "sharpness",
        labels=".png",
        predictor=matte_predictor,
    ),
    "depth": TrainingTask(
        "depth",
        MonoDepthNetwork,
        DepthSamples,
        depth_loss,
        depth_validator,
        MonoDepthExport,
        fit_depth_temperature,
        "temperature",
        labels=".npy",
    ),
    "stereo": TrainingTask(
        "stereo",
        StereoNetwork,
        StereoSamples,
        stereo_loss,
        stereo_validator,
        StereoExport,
        fit_stereo_temperature,
        "temperature",
        channels=6,
        scale=MAX_DISPARITY,
    ),
    "fuse": TrainingTask(
        "fuse",
        FusionNetwork,
        FusionSamples,
        lambda out, batch: fusion_loss(out, batch["alpha"]),
        fusion_validator,
        FusionExport,
        lambda network, options: 1.0,
        "calibration",
        channels=FUSION_INPUTS,
        reduction=BLOCK_SIDE_PX,
        multiple=32 // BLOCK_SIDE_PX,
        pretrained=False,
    ),
    "detail": TrainingTask(
        "detail",
        DetailNetwork,
        DetailSamples,
        detail_loss,
        detail_validator,
        DetailExport,
        lambda network, options: 1.0,
        "calibration",
        channels=DETAIL_INPUTS,
        multiple=16,
        pretrained=False,
    ),
    "parts": TrainingTask(
        "parts",
        PartsNetwork,
        PartSamples,
        parts_loss,
        parts_validator,
        PartsExport,
        lambda network, options: 1.0,
        "sharpness",
        channels=4,
        reduction=PARTS_REDUCTION,
        multiple=32 // PARTS_REDUCTION,
        labels=".png",
    ),
    "people": TrainingTask(
        "people",
        PeopleNetwork,
        PeopleSamples,
        people_loss,
        people_validator,
        PeopleExport,
        lambda network, options: 1.0,
        "sharpness",
        scale=VOTE_REACH_PX,
        encoder_of="matte",
    ),
}
"""Every trainable network."""


def choose_task(recipe: Recipe) -> TrainingTask:
    """The task of a recipe, with the weights of its loss."""
    task = TRAINING_TASKS[recipe.task]
    weight = recipe.gradient_weight
    if task.name == "detail":
        return replace(task, loss=lambda out, batch: detail_loss(out, batch, weight))
    if task.name != "matte":
        return task
    return replace(task, loss=lambda logits, batch: matte_loss(logits, batch["alpha"], weight))
