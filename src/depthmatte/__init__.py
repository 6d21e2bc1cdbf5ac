"""depthmatte: cut people out of photos by fusing a segmentation network with depth."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers read it as True; importing typing would double the start
if TYPE_CHECKING:
    from typing import Any

    from .api import cut
    from .camera import Camera, Rig
    from .errors import DepthmatteError, InputError, MissingExtra, OptionError, WeightsError
    from .evidence import Evidence, RawDepth
    from .io.attach import attach
    from .io.photo.photo_reader import read
    from .io.photo.photo_writer import write
    from .options import CropOptions, CutOptions, EdgeOptions, SensorOptions, SessionOptions
    from .photo import Photo
    from .pipeline import Pipeline
    from .portrait import Parts, Person, Portrait
    from .session import Session
    from .values import Depth, Matte
    from .video.files.video_reader import read_video
    from .video.motion.steady import steady

__version__ = "0.2.0"

__all__ = [
    "Camera",
    "CropOptions",
    "CutOptions",
    "Depth",
    "DepthmatteError",
    "EdgeOptions",
    "Evidence",
    "InputError",
    "Matte",
    "MissingExtra",
    "OptionError",
    "Parts",
    "Person",
    "Photo",
    "Pipeline",
    "Portrait",
    "RawDepth",
    "Rig",
    "SensorOptions",
    "Session",
    "SessionOptions",
    "WeightsError",
    "__version__",
    "attach",
    "cut",
    "read",
    "read_video",
    "steady",
    "write",
]

_MODULE_OF_NAME = {
    "Camera": "camera",
    "CropOptions": "options",
    "CutOptions": "options",
    "Depth": "values",
    "DepthmatteError": "errors",
    "EdgeOptions": "options",
    "Evidence": "evidence",
    "InputError": "errors",
    "Matte": "values",
    "MissingExtra": "errors",
    "OptionError": "errors",
    "Parts": "portrait",
    "Person": "portrait",
    "Photo": "photo",
    "Pipeline": "pipeline",
    "Portrait": "portrait",
    "RawDepth": "evidence",
    "Rig": "camera",
    "SensorOptions": "options",
    "Session": "session",
    "SessionOptions": "options",
    "WeightsError": "errors",
    "attach": "io.attach",
    "cut": "api",
    "read": "io.photo.photo_reader",
    "read_video": "video.files.video_reader",
    "steady": "video.motion.steady",
    "write": "io.photo.photo_writer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562), so that the import stays fast."""
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF_NAME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
