"""Download networks that are named by a URL before any photo is cut."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..networks import registry
from .output import Reporter


def fetch_networks(names: Iterable[str | Path], reporter: Reporter) -> None:
    """Download every network that is not on this machine yet, one after the other.

    Commands call this once before they start worker processes. The workers then find each
    network in the cache.

    Parameters
    ----------
    names : iterable of str or Path
        Networks as `network_path` takes them. Shipped networks, local files and networks in
        the cache need no download. Other names are skipped; loading them reports the error.
    reporter : Reporter
        Shows a bar on a terminal and prints one note elsewhere. It is silent when quiet.

    Raises
    ------
    InputError
        When a URL carries no checksum or is not valid.
    WeightsError
        When a download fails.
    """
    for name in dict.fromkeys(map(str, names)):
        url = registry.pending_download(name)
        if url is not None:
            with reporter.download(url) as progress:
                registry.network_path(name, progress)
