"""Connect to Ray: on this machine, or to the cluster at an address. Ray sends nothing home."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import InputError, MissingExtra
from .printable_text import printable_excerpt


@contextmanager
def ray_session(flag: str, address: str | None, count: int | None = None) -> Iterator[Any]:
    """Yield the module `ray`, connected. A session that was started here ends afterwards.

    Parameters
    ----------
    flag : str
        The flag that asked for Ray, for messages.
    address : str, optional
        "auto", `ray://HOST:10001` or HOST:6379. None and "local" start Ray on this machine.
    count : int, optional
        CPUs that a local Ray offers. By default all.

    Raises
    ------
    InputError
        Where Ray cannot be started or reached.
    MissingExtra
        Where Ray is not installed.
    """
    # Before Ray is imported: nothing is sent to its makers.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a change
    os.environ.setdefault("RAY_worker_niceness", "0")  # its own default is 15
    try:
        import ray
    except ImportError as error:
        raise MissingExtra(flag, "ray") from error
    if ray.is_initialized():
        yield ray
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if address and address != "local":
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            ray.init(
                "local", num_cpus=count, include_dashboard=False, log_to_driver=False,
                logging_level=logging.ERROR,
            )  # fmt: skip
    except Exception as error:  # Ray raises errors of many kinds
        raise InputError(
            f"{flag}: Ray cannot be started ({printable_excerpt(error)}); "
            "work without it, or check the address"
        ) from error
    with contextlib.suppress(AttributeError):  # else notes on lost workers go to our stdout
        ray._private.worker._worker_logs_enabled = False
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():  # Ray sets its own, which end the process at once
            signal.signal(number, handler)
    try:
        yield ray
    finally:
        ray.shutdown()
