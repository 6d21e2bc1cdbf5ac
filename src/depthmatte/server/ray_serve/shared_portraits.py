"""Portraits that all replicas know: one actor keeps them.

A replica can so render a portrait that another one has cut. It also holds copies of those that it
has used itself, and asks the keeper only whether they are still kept.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from ..http_errors import RequestError
from ..kept_portraits import KeptPortrait, KeptPortraits
from ..serve_options import ServeOptions
from ..service import make_kept_portraits

_KEEPER_SECONDS = 20.0
"""Time in which the keeper must answer."""


class PortraitKeeper:
    """The actor that keeps the portraits of all replicas."""

    def __init__(self, options: ServeOptions) -> None:
        self._kept = make_kept_portraits(options)

    def add(self, kept: KeptPortrait) -> None:
        """Keep a portrait."""
        self._kept.add(kept)

    def find(self, id: str, with_content: bool) -> KeptPortrait | bool:
        """Return whether a portrait is kept, or the portrait itself; it counts as used now."""
        try:
            kept = self._kept.get(id)
        except RequestError:
            return False
        return kept if with_content else True

    def drop(self, id: str) -> None:
        """Forget a portrait if it is there."""
        self._kept.drop(id)

    def expire(self) -> None:
        """Forget what was not used for too long."""
        self._kept.expire()


class SharedPortraits(KeptPortraits):
    """The portraits of all replicas, with copies of those that were used in this one.

    Parameters
    ----------
    options : ServeOptions
        Bounds, of the copies here and of all together.
    keeper : actor
        Keeps them.
    """

    def __init__(self, options: ServeOptions, keeper: Any) -> None:
        super().__init__(options.keep_count, options.keep_mb << 20, options.keep_minutes * 60)
        self._keeper = keeper

    def add(self, kept: KeptPortrait) -> None:
        """Keep a portrait here and for the other replicas."""
        self._ask("add", kept)
        super().add(kept)

    def get(self, id: str) -> KeptPortrait:
        """Return a portrait that any replica keeps; RequestError 404 when there is none."""
        if self._ask("find", id, False):
            with suppress(RequestError):
                return super().get(id)
            found: KeptPortrait | bool = self._ask("find", id, True)
            if isinstance(found, KeptPortrait):
                super().add(found)
                return found
        super().drop(id)  # another replica has forgotten it
        return super().get(id)

    def drop(self, id: str) -> None:
        """Forget a portrait in all replicas if it is there."""
        self._ask("drop", id)
        super().drop(id)

    def expire(self) -> None:
        """Forget what was not used for too long."""
        super().expire()
        self._ask("expire")

    def _ask(self, method: str, *given: Any) -> Any:
        """Call the keeper.

        Raises
        ------
        RequestError
            Status 503 when it does not answer; it is started again.
        """
        import ray

        try:
            call = getattr(self._keeper, method).remote(*given)
            return ray.get(call, timeout=_KEEPER_SECONDS)
        except ray.exceptions.RayError as error:
            logging.getLogger("depthmatte.server").warning("portraits are not kept: %r", error)
            raise RequestError(
                503, "the portraits that are kept cannot be reached; try again", 5
            ) from None
