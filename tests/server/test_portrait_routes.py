"""Cut over HTTP, render again, correct, store, forget."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

import depthmatte as dm


def decode(content: bytes) -> np.ndarray:
    """A picture as cv2 reads it."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


def post(client: httpx.Client, photo: bytes, query: str = "", **given: Any) -> httpx.Response:
    """Send a photo called a.jpg."""
    files = {"photo": ("a.jpg", photo), **given.pop("files", {})}
    return client.post(f"/v1/portraits{query}", files=files, **given)


@pytest.fixture(scope="module")
def portrait(client: httpx.Client, photo: bytes) -> dict[str, Any]:
    """The JSON about a kept portrait."""
    answer = post(client, photo)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Portrait-Id"] == answer.json()["id"]
    found: dict[str, Any] = answer.json()
    return found


def test_the_json_tells_people_inside_the_photo(portrait: dict[str, Any]) -> None:
    assert (portrait["width"], portrait["height"], portrait["found"]) == (256, 256, True)
    assert portrait["name"] == "a.jpg"
    (person,) = portrait["people"]
    assert person["selected"]
    left, top, right, bottom = person["box"]
    assert 0 <= left < right <= 256
    assert 0 <= top < bottom <= 256
    assert all(0 <= x <= 256 and 0 <= y <= 256 for ring in person["outline"] for x, y in ring)
    assert portrait["timings"]["segment"] > 0


def test_everybody_is_listed_also_who_is_not_cut_out(client: httpx.Client, photo: bytes) -> None:
    one = decode(photo)
    wide = np.zeros((256, 520, 3), np.uint8)
    wide[:] = one[4, 250]
    wide[:, :256] = one
    wide[96:, 340:500] = cv2.resize(one, (160, 160), interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".png", wide)[1].tobytes()
    answer = post(client, content, data={"options": json.dumps({"subject": "largest"})})
    people = answer.json()["people"]
    assert [person["selected"] for person in people] == [True, False]
    assert people[0]["share"] > people[1]["share"]
    assert people[1]["point"][0] > 340


def test_views_are_those_of_the_library(client: httpx.Client, photo: bytes) -> None:
    content = post(client, photo, "?view=alpha").content
    expected = dm.cut(photo, options=dm.CutOptions()).alpha
    assert np.abs(decode(content) / 255 - expected).max() < 0.02


def test_each_view_of_a_kept_portrait(client: httpx.Client, portrait: dict[str, Any]) -> None:
    links = {name: place for name, place in portrait["links"].items() if name != "self"}
    for view, place in links.items():
        answer = client.get(place, params={"width": 128})
        if view == "depth_mm":  # an estimate has no meters
            assert answer.status_code == 400
            continue
        assert answer.status_code == 200, (view, answer.text)
        if view != "sheet":
            assert max(decode(answer.content).shape[:2]) == 128


def test_several_views_are_a_zip(client: httpx.Client, photo: bytes) -> None:
    answer = post(client, photo, "?view=cutout,mask&effect=blur:strength=0.9&format=jpeg")
    assert answer.headers["Content-Type"] == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert names == ["cutout.png", "mask.png", "blur.jpg"]  # JPEG holds no alpha


@pytest.mark.parametrize(
    ("format", "start"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8"), ("webp", b"RIFF")]
)
def test_formats(client: httpx.Client, portrait: dict[str, Any], format: str, start: bytes) -> None:
    answer = client.get(portrait["links"]["blur"], params={"format": format})
    assert answer.content.startswith(start)
    assert answer.headers["Content-Type"] == f"image/{format}"


def test_effect_options_change_the_picture(client: httpx.Client, portrait: dict[str, Any]) -> None:
    place = portrait["links"]["background"]
    red = client.get(place, params={"effect": "background:color=#ff0000"})
    assert decode(red.content)[2, 250].tolist() == [0, 0, 255]


def test_options_cut_again_under_a_new_id(client: httpx.Client, portrait: dict[str, Any]) -> None:
    answer = client.post(portrait["links"]["self"] + "/options", json={"fusion": "none"})
    assert answer.status_code == 200
    assert answer.json()["id"] != portrait["id"]
    assert answer.json()["options"] == {"fusion": "none"}


def test_depth_comes_with_the_photo(client: httpx.Client, photo: bytes) -> None:
    depth = np.full((256, 256), 4000, np.uint16)
    depth[20:, 60:200] = 1000
    files = {"depth": ("depth.png", cv2.imencode(".png", depth)[1].tobytes())}
    answer = post(client, photo, files=files, data={"options": json.dumps({"depth_scale": 500})})
    assert answer.json()["sources"]["depth"] == "sensor"
    assert answer.json()["people"][0]["meters"] == pytest.approx(2, abs=0.1)


def test_a_corrected_matte_is_stored_to_learn_from(
    client: httpx.Client, portrait: dict[str, Any], home: Path
) -> None:
    root = portrait["links"]["self"]
    assert client.post(f"{root}/feedback").status_code == 400
    matte = np.zeros((256, 256), np.uint8)
    matte[50:200, 60:180] = 255
    corrected = client.put(f"{root}/alpha", content=cv2.imencode(".png", matte)[1].tobytes())
    assert corrected.json()["corrected"], corrected.text
    alpha = client.get(corrected.json()["links"]["alpha"])
    assert (decode(alpha.content) == matte).all()
    stored = client.post(corrected.json()["links"]["self"] + "/feedback")
    assert stored.json()["outcome"] == "added"
    (mask,) = home.rglob("masks/*.png")
    assert (decode(mask.read_bytes()) == matte).all()


def test_a_deleted_portrait_is_gone(client: httpx.Client, photo: bytes) -> None:
    root = post(client, photo).json()["links"]["self"]
    assert client.delete(root).status_code == 204
    assert client.get(root).status_code == 404
    assert client.get(f"{root}/alpha").status_code == 404


def test_only_the_last_portraits_are_kept(client: httpx.Client, photo: bytes) -> None:
    ids = [post(client, photo).json()["id"] for _ in range(9)]  # the server keeps 8
    found = [client.get(f"/v1/portraits/{id}").status_code for id in ids]
    assert found == [404] + [200] * 8


def test_the_schema_offers_what_the_server_takes(client: httpx.Client) -> None:
    schema = client.get("/v1/schema").json()
    assert set(schema["effects"]) < set(schema["views"])
    assert "adaptive" in schema["fusions"]
    assert schema["options"]["properties"]["fusion"]["enum"] == schema["fusions"]


def test_status_metrics_and_docs(client: httpx.Client, portrait: dict[str, Any]) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    assert client.get("/readyz").json() == {"status": "ready"}
    counters = client.get("/metrics").text
    assert 'depthmatte_requests_total{method="POST",route="/v1/portraits",status="200"}' in counters
    assert 'depthmatte_stage_seconds_count{stage="segment"}' in counters
    assert "http" not in client.get("/docs").text.replace("/openapi.json", "")
    assert portrait["id"]
