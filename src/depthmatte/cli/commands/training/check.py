"""`depthmatte train check`: list the training photos and their problems, and train nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ....training.recipe import PHOTO_OPTIONS, Recipe
from ...flags import option_flags


@option_flags(
    Recipe,
    only=("data", "labels", *PHOTO_OPTIONS),
    fixed={"task": "matte", "out": Path("work") / "matte"},
)
def check_command(
    recipe: Recipe,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the photos that `train matte` would use, and their problems.

    The exit status is 1 when training would refuse the photos.

    Example: depthmatte train check --data photos
    """
    from ....training.data.matte_material import SampleRequest, gather_matte_material
    from ....training.remote_data import fetch_data

    tell = (lambda line: None) if as_json else typer.echo
    material = gather_matte_material(SampleRequest.from_recipe(fetch_data(recipe, tell)))
    if as_json:
        typer.echo(json.dumps(material.as_json(), ensure_ascii=False))
    else:
        for line in material.describe():
            typer.echo(line)
    material.refuse_errors()
