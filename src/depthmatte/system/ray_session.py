"""Connect to Ray: on this machine, or to the cluster at an address. Ray sends nothing home."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import InputError, MissingExtra
from .printable_text import printable_excerpt

_GPU_DEVICES = ("cuda", "tensorrt", "rocm")
"""Devices for which each worker is given a GPU."""

_REACH_SECONDS = 10.0
"""Time in which a cluster must answer."""

_STARTS = 3
"""How often a start on this machine is tried."""


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
    here = not address or address == "local"
    if here and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:
        # Ray listens on all addresses and runs what it is sent. So only who has the token is heard.
        # It reads this when it is imported.
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
    except ImportError as error:
        raise MissingExtra(flag, "ray") from error
    if ray.is_initialized():
        yield ray
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if here:
            _start_here(ray, count)
        else:
            _reach(str(address))
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
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


def _reach(address: str) -> None:
    """Try to connect, because Ray itself would try for minutes; OSError when nobody answers."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _REACH_SECONDS).close()


def _start_here(ray: Any, count: int | None) -> None:
    """Start Ray. It gives itself half a minute; a busy machine may need another."""
    for left in reversed(range(_STARTS)):
        try:
            ray.init(
                "local", num_cpus=count, include_dashboard=False, log_to_driver=False,
                logging_level=logging.ERROR,
            )  # fmt: skip
            return
        except Exception:  # Ray raises errors of many kinds
            ray.shutdown()
            if not left:
                raise


def worker_needs(ray: Any, flag: str, device: str, threads: int) -> tuple[dict[str, float], int]:
    """Return what Ray must give one worker, and for how many workers the cluster has room.

    Parameters
    ----------
    ray : module
        Ray, connected.
    flag : str
        The flag that asked for Ray, for messages.
    device : str
        The option `device` of a session. With a CUDA or ROCm device each worker gets one GPU.
    threads : int
        Cores of each worker on another device.

    Raises
    ------
    InputError
        When there is no room for one worker.
    """
    needs: dict[str, float] = {"num_gpus": 1} if device in _GPU_DEVICES else {"num_cpus": threads}
    resource, each = ("GPU", 1) if "num_gpus" in needs else ("CPU", threads)
    room = int(ray.cluster_resources().get(resource, 0) // each)
    if room < 1:
        raise InputError(
            f"{flag}: the cluster has no free {resource}s for one worker; "
            "add nodes, or use fewer --threads"
        )
    return needs, room
