"""Errors that carry an HTTP status, and the status of every other error."""

from __future__ import annotations

from ..errors import DepthmatteError, InputError, MissingExtra, WeightsError


class RequestError(DepthmatteError):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.
    message : str
        One line: what is wrong and what to do.
    retry_after : int, optional
        Seconds after which the client should try again.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error: 4xx for what the caller can mend, else 500."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, InputError):
        return 400
    if isinstance(error, MemoryError):
        return 413
    if isinstance(error, MissingExtra):
        return 501
    return 503 if isinstance(error, WeightsError) else 500


def message_of(error: Exception) -> str:
    """Return the one line that the caller reads; nothing of the machine for unknown errors."""
    if isinstance(error, DepthmatteError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "the photo does not fit in memory; scale it down"
    return "the server failed; try again, and report it with the request id"


def error_body(path: str, status: int, message: str, request_id: str) -> dict[str, object]:
    """Return the JSON of an error, in the shape that callers of this path expect."""
    if path.startswith("/v1.0/"):
        return {"errors": [{"title": message, "code": _REMOVEBG_CODES.get(status, "failed")}]}
    return {"error": message, "request_id": request_id}


_REMOVEBG_CODES = {
    400: "invalid_request",
    401: "auth_failed",
    403: "auth_failed",
    413: "file_too_large",
    429: "rate_limit_exceeded",
}
"""Status -> code in errors of the remove.bg routes."""
