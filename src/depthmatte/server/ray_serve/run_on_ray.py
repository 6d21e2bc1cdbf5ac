"""Run the server on Ray Serve: start replicas, print one line when ready, drain at SIGTERM.

Each replica has networks of its own. All of them share the portraits that are kept.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from ...errors import InputError, MissingExtra
from ...options import CutOptions, SessionOptions
from ...session import Session
from ...system.printable_text import label, printable_excerpt
from ...system.ray_session import ray_session, worker_needs
from ...system.stop_signals import hold_stop_signals
from ..app import create_app
from ..run_server import listen, start_log, tell_address
from ..serve_options import ServeOptions
from .shared_portraits import PortraitKeeper, SharedPortraits

_APP = "depthmatte"

_KEEPER_OPTIONS: dict[str, Any] = {
    "name": "depthmatte-portraits", "get_if_exists": True, "lifetime": "detached",
    "num_cpus": 0, "max_restarts": -1, "max_concurrency": 16,
}  # fmt: skip
"""The actor that keeps portraits: it lives as long as the replicas."""

_STATUS_REQUESTS = 32
"""Requests of a replica beside those that have a slot, so that it can refuse and tell its state."""

_MAX_IN_PROXY = 1000
"""Requests that wait for a replica to take them. Ray answers more with status 503."""

_UPSCALE_SECONDS = 3.0
_DOWNSCALE_SECONDS = 120.0
"""How long there must be more, or less, to do before a replica starts or ends."""

_PATIENCE = {
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}
"""Variables of Ray Serve: a busy machine needs more than its few seconds to start a proxy."""

_POLL_SECONDS = 0.2

_RAY_LOG = {"enable_access_log": False, "log_level": "WARNING"}
"""The requests are in the log of each replica."""


def run_on_ray(options: ServeOptions, session: SessionOptions) -> None:
    """Serve on Ray until SIGTERM or Ctrl-C; then answer what was accepted and return.

    Parameters
    ----------
    options : ServeOptions
        Address, key, limits and where Ray is. The limits are those of each replica.
    session : SessionOptions
        Networks and device. `threads` is the number of cores of each replica, by default 1.

    Raises
    ------
    InputError
        When the address cannot be used, or Ray cannot be reached or has no room.
    MissingExtra
        When the extra `ray` is not installed.
    """
    listener = listen(options)  # tells at once when the address cannot be used
    host, port = listener.getsockname()[:2]
    listener.close()
    session = replace(session, threads=session.threads or 1)
    with Session(session) as trial:  # tells at once when a network cannot be used
        trial.pipeline(CutOptions())
    for name, seconds in _PATIENCE.items():  # before Ray is imported
        os.environ.setdefault(name, seconds)
    with ray_session("--ray", options.ray_address) as ray:
        try:
            from ray import serve as ray_serve
        except ImportError as error:
            raise MissingExtra("depthmatte serve --ray", "ray") from error
        serve: Any = ray_serve  # it is typed in part
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        if serve.status().proxies:
            raise InputError(
                f"--ray-address {label(options.ray_address)}: Ray Serve runs there already; "
                "end it with `serve shutdown`, or use another cluster"
            )
        keeper = ray.remote(PortraitKeeper).options(**_KEEPER_OPTIONS).remote(options)
        deployment = serve.deployment(**_deployment(ray, options, session))
        app = deployment(serve.ingress(_builder(options, session, keeper))(_Replica)).bind()
        with hold_stop_signals(lambda: None) as request, _stopping(serve, ray, keeper):
            try:
                serve.start(http_options={"host": host, "port": port}, logging_config=_RAY_LOG)
                serve.run(app, name=_APP, route_prefix="/")
            except Exception as error:  # Ray raises errors of many kinds
                raise InputError(
                    f"--ray: the server cannot be started ({printable_excerpt(error)}); "
                    "try it without --ray, and install the same depthmatte on each node"
                ) from error
            tell_address(host, port)
            while request.pending is None:
                time.sleep(_POLL_SECONDS)


@contextmanager
def _stopping(serve: Any, ray: Any, keeper: Any) -> Iterator[None]:
    """Stop all replicas at the end, each when it has answered what it accepted."""
    try:
        yield
    finally:
        with suppress(Exception):  # what was not started cannot be stopped
            serve.delete(_APP)
        serve.shutdown()
        ray.kill(keeper)


class _Replica:
    """One copy of the server; the app does the work."""


def _builder(options: ServeOptions, session: SessionOptions, keeper: Any) -> Callable[[], Any]:
    def build() -> Any:
        start_log(options)
        return create_app(options, session, SharedPortraits(options, keeper))

    return build


def _deployment(ray: Any, options: ServeOptions, session: SessionOptions) -> dict[str, Any]:
    """Return the settings of the deployment: what a replica needs, and how many there are.

    Raises
    ------
    InputError
        When the cluster has no room for one replica.
    """
    threads = session.threads or 1
    needs, room = worker_needs(ray, "--ray", session.device, threads)
    at_once = options.workers or threads
    return {
        "name": "server",
        "ray_actor_options": needs,
        "max_ongoing_requests": at_once + options.queue + _STATUS_REQUESTS,
        "max_queued_requests": _MAX_IN_PROXY,
        "graceful_shutdown_timeout_s": options.time_limit,
        "autoscaling_config": {
            "min_replicas": 1,
            "max_replicas": options.max_replicas or room,
            "target_ongoing_requests": at_once,
            "upscale_delay_s": _UPSCALE_SECONDS,
            "downscale_delay_s": _DOWNSCALE_SECONDS,
        },
    }
