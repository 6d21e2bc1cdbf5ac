"""Trains in processes of their own, which tests can kill."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

_PROCESSES = multiprocessing.get_context("forkserver")
# Each process is forked from one that has loaded all: a start takes no time.
_PROCESSES.set_forkserver_preload(
    ["depthmatte.training.loop", "torch.utils.tensorboard", "matplotlib.backends.backend_agg"]
)


def start_training(
    recipe: Any, resume: bool, environment: dict[str, str] | None = None
) -> tuple[BaseProcess, Connection]:
    """A process that trains, and a pipe with the lines that it tells."""
    mine, theirs = _PROCESSES.Pipe(duplex=False)
    process = _PROCESSES.Process(target=_train, args=(recipe, resume, theirs, environment or {}))
    process.start()
    theirs.close()
    return process, mine


def _train(recipe: Any, resume: bool, pipe: Connection, environment: dict[str, str]) -> None:
    os.environ |= environment
    from depthmatte.training.loop import train

    train(recipe, pipe.send, resume=resume)
