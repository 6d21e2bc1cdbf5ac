"""The options of `depthmatte labels`. Imports no heavy package: `--help` reads this."""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from ....option_fields import check_options, option

LabelFormat = Literal["coco", "label-studio", "cvat"]

LABEL_FORMATS: dict[str, str] = {
    "coco": "COCO instances, in CVAT: COCO 1.0",
    "label-studio": "Label Studio JSON",
    "cvat": "CVAT for images 1.1",
}
"""Format of a label file -> what it is."""

LOCAL_FILES_URL = "/data/local-files/?d="
"""The address of Label Studio's local files, before their path below the document root."""


@dataclass(frozen=True)
class LabelExport:
    """How predictions are written for correction in a labeling tool."""

    format: LabelFormat = option(MISSING, "choose the format", choices=LABEL_FORMATS)
    out: Path = option(MISSING, "write labels and photos into this new folder", flag="-o")
    shape: Literal["mask", "polygon"] = option(
        "mask",
        "choose the kind of labels",
        choices={
            "mask": "exact pixels, corrected with a brush",
            "polygon": "outlines, corrected by points; holes are joined by a seam",
        },
    )
    tolerance: float = option(
        1.0, "let polygons differ from the outline by this much", 0, 100, unit="pixels"
    )
    threshold: float = option(0.5, "label pixels whose alpha is at least this", above=0, high=1)
    category: str = option("person", "name the category of people")
    photos: Literal["copy", "reference"] = option(
        "copy",
        "choose how labels find the photos",
        choices={
            "copy": "copies in OUT/images",
            "reference": "paths below the folder that all photos share",
        },
    )
    url_prefix: str | None = option(
        None,
        "put this before the paths of photos, for Label Studio; "
        f"without it {LOCAL_FILES_URL}images/ for copies, else {LOCAL_FILES_URL}",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LabelImport:
    """How corrected labels become a folder to train on."""

    out: Path = option(MISSING, "write images/ and masks/ into this new folder", flag="-o")
    images: Path | None = option(
        None, "look for the photos in this folder; without it beside the file"
    )
    format: LabelFormat | Literal["auto"] = option(
        "auto",
        "say what the file is",
        choices={"auto": "as the file looks", **LABEL_FORMATS},
    )
    category: str = option("person", "name the category of people")
    empty: bool = option(True, "keep photos without people, with a black mask")

    def __post_init__(self) -> None:
        check_options(self)
