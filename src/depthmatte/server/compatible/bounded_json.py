"""Parse JSON of a request within a bound of memory."""

from __future__ import annotations

import json
from typing import Any

from ...errors import InputError

_MAX_JSON_BYTES = 32_000_000
"""Largest JSON. Python needs up to 12 times its bytes for numbers."""

_MAX_PARTS = 1_000_000
"""Most lists, objects and texts: each takes up to 100 bytes of memory, and two in the JSON."""

_PART_STARTS = (b"[", b"{", b'"')


def parse_bounded_json(content: bytes, name: str, remedy: str) -> Any:
    """Parse JSON that takes at most about 500 MB of memory.

    Parameters
    ----------
    content : bytes
        The JSON.
    name : str
        What it is, for messages.
    remedy : str
        What to send instead of something else, for messages.

    Returns
    -------
    Any
        The value.

    Raises
    ------
    InputError
        When it is no JSON, too long, or has too many parts.
    """
    if len(content) > _MAX_JSON_BYTES:
        raise InputError(f"{name}: is JSON above {_MAX_JSON_BYTES / 1e6:g} MB; send it as bytes")
    if sum(map(content.count, _PART_STARTS)) > _MAX_PARTS:
        raise InputError(f"{name}: has more than {_MAX_PARTS} lists and texts; send fewer")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise InputError(f"{name}: is no JSON; {remedy}") from None
