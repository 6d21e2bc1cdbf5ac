"""Fetch a photo from a URL of a public address; every hop is resolved and checked by itself."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from time import monotonic
from urllib.parse import urljoin, urlsplit

from ...errors import InputError
from ...system.printable_text import short

_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 65_536
_PORTS = {"http": 80, "https": 443}
_MAX_URL_LENGTH = 2048


def check_public_host(host: str, port: int) -> str:
    """Resolve a host and return one address of it.

    Raises
    ------
    InputError
        When the host is unknown, or any of its addresses is not public.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InputError(f"url: {short(host)} is not known; check it") from None
    addresses = [str(one[4][0]).partition("%")[0] for one in found]
    if not addresses or not all(map(_is_public, addresses)):
        raise InputError(f"url: {short(host)} is no public address; upload the photo instead")
    return addresses[0]


def _is_public(address: str) -> bool:
    """Return whether an address is public, also the IPv4 address inside an IPv6 one."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return _is_public(str(inner))
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            return _is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def fetch_public(url: str, max_bytes: int, seconds: float) -> bytes:
    """Fetch the content of a URL.

    Parameters
    ----------
    url : str
        http or https, at the usual port.
    max_bytes : int
        Limit of the content.
    seconds : float
        Limit of the time, redirects included.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        For anything that cannot or may not be fetched. The connection goes to the address that
        was checked, so that a second answer of the DNS changes nothing.
    """
    end = monotonic() + seconds
    for _ in range(_MAX_REDIRECTS + 1):
        answer, content = _get(url, max_bytes, end)
        if answer is None:
            return content
        url = urljoin(url, answer)
    raise InputError("url: is redirected too often; give the last address")


def _get(url: str, max_bytes: int, end: float) -> tuple[str | None, bytes]:
    """Return where a URL redirects to, or None and its content."""
    if len(url) > _MAX_URL_LENGTH or any(ord(letter) <= 32 for letter in url):
        raise InputError("url: is none; give one that starts with http:// or https://")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("url: is none; give one that starts with http:// or https://") from None
    if parts.scheme not in _PORTS or not host or parts.username or parts.password:
        raise InputError("url: give one that starts with http:// or https://, without a login")
    usual = _PORTS[parts.scheme]
    if port not in (None, usual):
        raise InputError(f"url: port {port} is not allowed; use the usual one")
    address = check_public_host(host, usual)
    connection = _PinnedConnection(host, usual, address, parts.scheme == "https", end)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", path, headers={"Accept": "image/*", "User-Agent": "depthmatte"})
        answer = connection.getresponse()
        if answer.status in _REDIRECTS and (place := answer.headers.get("Location")):
            return place, b""
        if answer.status != 200:
            raise InputError(f"url: {short(host)} answers {answer.status}; check it")
        return None, _read(answer, connection, max_bytes, end)
    except (OSError, http.client.HTTPException, UnicodeError):
        raise InputError(f"url: {short(host)} cannot be read; try again") from None
    finally:
        connection.close()


def _read(
    answer: http.client.HTTPResponse, connection: _PinnedConnection, max_bytes: int, end: float
) -> bytes:
    content = bytearray()
    while piece := answer.read1(_CHUNK_BYTES):
        content += piece
        if len(content) > max_bytes:
            raise InputError(f"url: holds more than {max_bytes / 1e6:g} MB; give a smaller photo")
        if monotonic() > end:
            raise InputError("url: takes too long; upload the photo instead")
        if connection.sock is not None:
            connection.sock.settimeout(max(0.1, end - monotonic()))
    return bytes(content)


class _PinnedConnection(http.client.HTTPConnection):
    """A connection to an address that was checked, under the name of its host."""

    def __init__(self, host: str, port: int, address: str, secure: bool, end: float) -> None:
        super().__init__(host, port)
        self._address, self._secure, self._end = address, secure, end

    def connect(self) -> None:
        """Connect to the address, not to what the name means now."""
        left = max(0.1, self._end - monotonic())
        self.sock = socket.create_connection((self._address, self.port), left)
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)
