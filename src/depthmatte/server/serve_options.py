"""Options of `depthmatte serve`: address, key, limits, and how long portraits are kept."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Literal

from ..errors import OptionError
from ..option_fields import check_options, option

LogStyle = Literal["json", "none"]

_KEY_VARIABLE = "DEPTHMATTE_API_KEY"
"""Environment variable with the API key, where no flag gives one."""


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address or name `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class ServeOptions:
    """Options of the server.

    Parameters
    ----------
    host, port : str, int
        Address to listen on. Port 0 takes a free one.
    api_key : str
        Key that requests must carry. It is required when `host` is not loopback.
    allow_origin : tuple of str
        Origins whose pages may call the server. By default none.
    fetch_urls : bool
        Whether photos may be fetched from public URLs.
    workers : int, optional
        Photos cut at once; by default one per core.
    queue : int
        Requests that may wait for a worker. More are refused with status 429.
    max_body_mb, max_megapixels, time_limit : float
        Limits of a request.
    keep_count, keep_mb, keep_minutes : int, int, float
        Bounds of the portraits kept for rendering.
    log : {"json", "none"}
        Form of the log on stderr.
    ray : bool
        Whether Ray Serve runs the server.
    ray_address : str
        Where Ray is, as `ray_session` takes it.
    max_replicas : int, optional
        Copies of the server that Ray starts at most.

    Raises
    ------
    OptionError
        When a value is out of range, or a key is missing.

    Example
    -------
    >>> ServeOptions(port=0).host
    '127.0.0.1'
    """

    host: str = option(
        "127.0.0.1", "listen on this address; one that others can reach needs --api-key"
    )
    port: int = option(8000, "listen on this port; 0 takes a free one", 0, 65535)
    api_key: str = option(
        "",
        "demand this key in X-API-Key; better set it in the variable DEPTHMATTE_API_KEY, which "
        "other users cannot see",
        metavar="KEY",
    )
    allow_origin: tuple[str, ...] = option(
        (),
        "let pages of this origin call the server; repeat the option for more origins",
        metavar="ORIGIN",
        repeat=True,
    )
    fetch_urls: bool = option(False, "fetch photos from URLs of public addresses when asked to")
    workers: int | None = option(
        None, "cut this many photos at once; without it one per core", low=1, high=256
    )
    queue: int = option(64, "let this many requests wait; more are refused", 1, 10_000)
    max_body_mb: float = option(64.0, "refuse larger requests", above=0, high=1024, unit="MB")
    max_megapixels: float = option(
        50.0, "refuse larger photos", above=0, high=178, unit="megapixels"
    )
    time_limit: float = option(
        60.0, "give up on a request after this time", above=0, high=3600, unit="seconds"
    )
    keep_count: int = option(32, "keep at most this many portraits", 1, 10_000)
    keep_mb: int = option(1024, "keep portraits within this memory", 16, 1_000_000, unit="MB")
    keep_minutes: float = option(
        15.0, "forget portraits not used for this time", above=0, high=1440, unit="minutes"
    )
    log: LogStyle = option("json", "choose the log on stderr: a JSON line per request, or none")
    ray: bool = option(
        False, "serve on Ray, where more copies of the server start under load (extra ray)"
    )
    ray_address: str = option(
        "local",
        "use Ray on this machine (local), or the cluster at auto, HOST:PORT or ray://HOST:PORT",
        metavar="ADDRESS",
    )
    max_replicas: int | None = option(
        None,
        "start at most this many copies on Ray; without it one per core, or per GPU",
        low=1,
        high=10_000,
    )

    def __post_init__(self) -> None:
        check_options(self)
        if not self.api_key:
            object.__setattr__(self, "api_key", os.environ.get(_KEY_VARIABLE, ""))
        if not self.api_key and not is_loopback(self.host):
            raise OptionError(
                f"--host {self.host[:80]!r} is open to others; give --api-key or set "
                f"{_KEY_VARIABLE}"
            )
        if any(ord(letter) < 33 or ord(letter) > 126 for letter in self.api_key):
            raise OptionError("--api-key has letters that no header can carry; use plain ASCII")
