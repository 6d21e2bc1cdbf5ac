"""Train with workers of Ray: on this machine, or on the cluster that RAY_ADDRESS names.

Ray Train starts the workers and joins them; the loop in each is the ordinary one. A mailbox, an
actor of Ray, carries the leader's events to this process, and a request to stop to the workers.
Ray's usage statistics and its dashboard are off.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DepthmatteError, InputError, MissingExtra
from ...system.printable_text import printable_excerpt
from ...system.ray_session import ray_session
from .workers import OtherWorkerFailed, choose_backend

if TYPE_CHECKING:
    from ..reporting.events import RunEvent

_POLL_SECONDS = 0.2
"""How often events are fetched from the workers."""

Work = Callable[[Callable[["RunEvent"], None], Callable[[], bool]], Path]
"""(watch, should_stop) -> checkpoint: a training."""


class _Mailbox:
    """What the workers and the process that started them tell each other."""

    def __init__(self) -> None:
        self._events: list[Any] = []
        self._is_stopped = False
        self._error: tuple[type, str] | None = None
        self._checkpoint = ""

    def post(self, event: Any) -> None:
        """Keep an event of the leader until it is taken."""
        self._events.append(event)

    def take(self) -> list[Any]:
        """The events since the last call."""
        taken, self._events = self._events, []
        return taken

    def stop(self) -> None:
        """Ask all workers to stop."""
        self._is_stopped = True

    def is_stopped(self) -> bool:
        """Whether the workers are asked to stop."""
        return self._is_stopped

    def finish(self, checkpoint: str) -> None:
        """Keep the leader's result."""
        self._checkpoint = checkpoint

    def fail(self, kind: type, text: str) -> None:
        """Keep the first worker's error that says why."""
        self._error = self._error or (kind, text)

    def outcome(self) -> tuple[str, tuple[type, str] | None]:
        """The checkpoint, "" without one, and the error."""
        return self._checkpoint, self._error


def train_with_ray(
    work: Work,
    count: int,
    watch: Callable[[RunEvent], None],
    should_stop: Callable[[], bool],
) -> Path:
    """Run a training in `count` workers of Ray; waits for its end.

    Parameters
    ----------
    work : callable
        (watch, should_stop) -> checkpoint. It is sent to the workers, so it must be picklable.
    count : int
        How many workers there are. Each gets a CPU, or a GPU where there are any.
    watch : callable
        Called with the leader's events, in this process.
    should_stop : callable
        Asked several times a second. When it says yes, all workers end after their step.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    InputError
        What the training raises, and where Ray cannot start so many workers.
    MissingExtra
        Where Ray is not installed.
    """
    # A busy machine takes more than a minute to start workers.
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "600")
    flag = f"--ray-workers {count}"
    with ray_session(flag, os.environ.get("RAY_ADDRESS"), count) as ray:
        _require_ray_train()
        mailbox = ray.remote(num_cpus=0)(_Mailbox).remote()
        place, failures = os.getcwd(), list[BaseException]()

        def fit() -> None:
            try:
                _fit(work, count, mailbox, place)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=fit, daemon=True)
        thread.start()
        is_asked = False
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            _pass_on(ray.get(mailbox.take.remote()), watch)
            if should_stop() and not is_asked:
                ray.get(mailbox.stop.remote())
                is_asked = True
        _pass_on(ray.get(mailbox.take.remote()), watch)
        checkpoint, error = ray.get(mailbox.outcome.remote())
    if error is not None:
        raise error[0](error[1])
    if failures:
        raise InputError(
            f"--ray-workers {count}: the workers ended ({printable_excerpt(failures[0])}); "
            "give fewer, or train without Ray"
        ) from failures[0]
    return Path(checkpoint)


def _require_ray_train() -> None:
    try:
        import ray.train.torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("--ray-workers", "ray") from error


def _pass_on(events: list[Any], watch: Callable[[RunEvent], None]) -> None:
    for event in events:
        watch(event)


def _fit(work: Work, count: int, mailbox: Any, place: str) -> None:
    import torch
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    def work_in_one() -> None:
        _work_in_one(work, mailbox, place)

    has_gpus = torch.cuda.is_available()
    # Ray keeps notes of a run; checkpoints are ours.
    with tempfile.TemporaryDirectory() as notes:
        TorchTrainer(
            work_in_one,
            scaling_config=ScalingConfig(num_workers=count, use_gpu=has_gpus),
            torch_config=TorchConfig(backend=choose_backend()),
            run_config=RunConfig(name="depthmatte", storage_path=notes),
        ).fit()


def _work_in_one(work: Work, mailbox: Any, place: str) -> None:
    """What each worker does."""
    import ray
    import ray.train

    with contextlib.suppress(OSError):  # paths are relative to where the command was given
        os.chdir(place)
    is_leader = ray.train.get_context().get_world_rank() == 0

    def watch(event: Any) -> None:
        if is_leader:
            mailbox.post.remote(event)

    def should_stop() -> bool:
        return bool(ray.get(mailbox.is_stopped.remote()))

    try:
        checkpoint = work(watch, should_stop)
    except OtherWorkerFailed:
        return
    except DepthmatteError as error:
        ray.get(mailbox.fail.remote(type(error), str(error)))
        return
    if is_leader:
        ray.get(mailbox.finish.remote(str(checkpoint)))
