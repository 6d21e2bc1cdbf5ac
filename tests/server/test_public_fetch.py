"""URLs reach public addresses only."""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import redirecting_network
from depthmatte.errors import InputError
from depthmatte.server.compatible.public_fetch import check_public_host, fetch_public

INSIDE = [
    "127.0.0.1", "127.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1",
    "64:ff9b::7f00:1", "2002:7f00:1::", "localhost", "2130706433", "0x7f.1",
]  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_inside_are_refused(host: str) -> None:
    with pytest.raises(InputError, match=r"no public address|not known"):
        check_public_host(host, 80)


@given(st.ip_addresses(v=4))
def test_an_address_passes_just_when_it_is_public(address: ipaddress.IPv4Address) -> None:
    public = address.is_global and not address.is_multicast
    if not public:
        with pytest.raises(InputError):
            check_public_host(str(address), 80)
        with pytest.raises(InputError):
            check_public_host(f"::ffff:{address}", 80)
    else:
        assert check_public_host(str(address), 80) == str(address)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://1.1.1.1/", "http://", "http://1.1.1.1:22/", "http://a@1.1.1.1/",
     "http://[::1", "http://127.0.0.1/", "gopher://x", "//1.1.1.1", "http://1.1.1.1/\r\nX: y"],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InputError):
        fetch_public(url, 1000, 5)


@pytest.fixture(scope="module")
def fetched(
    photo: bytes, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, tuple[int, Any]], list[str]]:
    """Answers of a real server to URLs of a public address that redirects; and what leaked."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs unshare and ip, to make a network with a public address")
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a network of its own")
    file = tmp_path_factory.mktemp("network") / "photo.jpg"
    file.write_bytes(photo)
    script = Path(redirecting_network.__file__)
    command = ["unshare", "-rn", sys.executable, str(script), str(file)]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    return found["answers"], found["secrets"]


def test_redirects_between_public_addresses_are_followed(fetched: Any) -> None:
    answers, _ = fetched
    for path in ("/photo.jpg", "/moved", "/moved-twice"):
        assert answers[path] == [200, "image/png"]


def test_redirects_to_private_addresses_are_refused(fetched: Any) -> None:
    answers, secrets = fetched
    refused = {path for path in answers if path.startswith(("/to-", "/endless", "private"))}
    assert len(refused) == len(redirecting_network.PLACES)
    for path in refused:
        status, body = answers[path]
        assert status == 400, path
        assert "url: " in json.dumps(body)
    assert secrets == []
