"""Ask a depthmatte server for a view of a photo. Standard library only, no GIMP.

The photo goes to the server that the user named, by default on this machine, and nowhere else.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlencode, urlsplit

DEFAULT_SERVER = "http://127.0.0.1:8000"

KEY_VARIABLE = "DEPTHMATTE_API_KEY"
"""Environment variable with the key of a server that demands one."""

_TIMEOUT_S = 300.0
_MAX_ANSWER_BYTES = 1 << 30
_MAX_ERROR_CHARACTERS = 300

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class ServerError(Exception):
    """The server cannot be reached, or refuses. The message is one line for the user."""


def portrait_path(view: str, strength: float | None = None) -> str:
    """Return path and query of the request for one view.

    Parameters
    ----------
    view : str
        "alpha", "cutout", "blur", ...
    strength : float, optional
        For an effect: its strength in [0, 1].
    """
    query = {"view": view, "format": "png"}
    if strength is not None:
        query["effect"] = f"{view}:strength={strength:.4g}"
    return f"/v1/portraits?{urlencode(query, quote_via=quote, safe=':=')}"


def encode_form(photo: bytes, options: Mapping[str, object]) -> tuple[bytes, str]:
    """Encode a photo and options as multipart/form-data; return body and content type."""
    boundary = uuid.uuid4().hex
    parts = [
        ('name="photo"; filename="photo.png"', "image/png", photo),
        ('name="options"', "application/json", json.dumps(dict(options)).encode()),
    ]
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\n"
        f"Content-Type: {kind}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, kind, content in parts
    )
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def fetch_view(
    server: str,
    photo: bytes,
    view: str,
    options: Mapping[str, object] | None = None,
    strength: float | None = None,
) -> bytes:
    """Send a photo and return one view of it.

    Parameters
    ----------
    server : str
        Address of the server.
    photo : bytes
        The photo as a PNG.
    view : str
        "alpha", "cutout", "blur", ...
    options : mapping of str to object, optional
        Options of the cut, such as {"subject": "nearest"}.
    strength : float, optional
        For an effect: its strength in [0, 1].

    Returns
    -------
    bytes
        The view as a PNG.

    Raises
    ------
    ServerError
        When the server cannot be reached, refuses the photo, or answers no PNG.
    """
    body, kind = encode_form(photo, options or {})
    headers = {"Content-Type": kind, "Accept": "image/png", "User-Agent": "depthmatte-gimp"}
    if key := os.environ.get(KEY_VARIABLE):
        headers["X-API-Key"] = key
    status, content = _post(server, portrait_path(view, strength), body, headers)
    if status != 200:
        raise ServerError(f"{server}: {_error_text(content) or f'status {status}'}")
    if not content.startswith(PNG_SIGNATURE):
        raise ServerError(f"{server}: does not answer with a picture; is it depthmatte serve?")
    return content


def _post(server: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    try:
        parts = urlsplit(server.strip())
        kinds = {"http": HTTPConnection, "https": HTTPSConnection}
        if parts.scheme not in kinds or not parts.hostname:
            raise ValueError
        connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=_TIMEOUT_S)
    except ValueError:
        raise ServerError(f"{server!r}: is no address; give {DEFAULT_SERVER}") from None
    try:
        connection.request("POST", parts.path.rstrip("/") + path, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read(_MAX_ANSWER_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ServerError(
            f"{server}: does not answer ({str(words).lower()}); start it with: depthmatte serve"
        ) from None
    finally:
        connection.close()
    if len(content) > _MAX_ANSWER_BYTES:
        raise ServerError(f"{server}: sends too much; is it depthmatte serve?")
    return answer.status, content


def _error_text(content: bytes) -> str:
    """Return the server's own words on one printable line; "" without any."""
    try:
        found = json.loads(content[: 1 << 16])
    except ValueError:
        return ""
    words = (
        next(
            (found[key] for key in ("error", "detail", "message") if key in found),
            "",
        )
        if isinstance(found, dict)
        else ""
    )
    line = words if isinstance(words, str) else json.dumps(words)
    return "".join(one if one.isprintable() else "?" for one in line[:_MAX_ERROR_CHARACTERS])
