"""`depthmatte train feedback`, which is also `depthmatte train matte --feedback`."""

from __future__ import annotations

from typing import Annotated

import typer

from ....training.distributed.launch import refuse_many_workers
from ....training.feedback.options import FeedbackRecipe
from ...flags import option_flags
from .recipe import require_packages


@option_flags(FeedbackRecipe)
def feedback_command(
    recipe: FeedbackRecipe,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Train the matte network on feedback; adopt it if it is better. `train matte --feedback`.

    It starts from the current network and replays old data. The new network is adopted if the
    feedback got better and the kept photos no worse. Else it is kept aside with its report.

    Example: depthmatte train matte --feedback --data DATA --steps 300
    """
    require_packages("torch", "matplotlib", "onnx", "onnxscript")
    refuse_many_workers("train feedback")
    from ....training.feedback.training import train_on_feedback

    train_on_feedback(recipe, (lambda line: None) if quiet else typer.echo)
