"""Programs for other services: remove.bg, rembg's server, Triton's client."""

from __future__ import annotations

import base64

import cv2
import httpx
import numpy as np
import pytest

from depthmatte.session import default_session
from http_server import HttpServer


def decode(content: bytes) -> np.ndarray:
    """A picture as cv2 reads it."""
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))


def removebg(client: httpx.Client, photo: bytes, **fields: str) -> httpx.Response:
    return client.post("/v1.0/removebg", files={"image_file": photo}, data=fields)


def test_removebg_answers_a_cutout_with_its_headers(client: httpx.Client, photo: bytes) -> None:
    answer = removebg(client, photo, size="auto")
    assert decode(answer.content).shape == (256, 256, 4)
    headers = answer.headers
    assert (headers["X-Width"], headers["X-Height"], headers["X-Type"]) == ("256", "256", "person")
    assert 0 < int(headers["X-Foreground-Width"]) <= 256


def test_removebg_crops_and_fills(client: httpx.Client, photo: bytes) -> None:
    answer = removebg(client, photo, crop="true", bg_color="00ff00", format="jpg")
    shape = int(answer.headers["X-Height"]), int(answer.headers["X-Width"]), 3
    assert decode(answer.content).shape == shape
    assert shape[0] < 256 or shape[1] < 256


def test_removebg_takes_base64_and_answers_json(client: httpx.Client, photo: bytes) -> None:
    answer = client.post(
        "/v1.0/removebg",
        json={"image_file_b64": base64.b64encode(photo).decode(), "channels": "alpha"},
        headers={"Accept": "application/json"},
    )
    data = answer.json()["data"]
    assert decode(base64.b64decode(data["result_b64"])).shape == (256, 256)
    assert data["foreground_width"] > 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, 400), ({"image_url": "http://127.0.0.1/"}, 403), ({"image_file_b64": "!"}, 400)],
)
def test_removebg_tells_errors_its_way(
    client: httpx.Client, fields: dict[str, str], status: int
) -> None:
    answer = client.post("/v1.0/removebg", data=fields)
    assert answer.status_code == status
    (error,) = answer.json()["errors"]
    assert set(error) == {"title", "code"}


def test_removebg_finds_nobody(client: httpx.Client) -> None:
    wall = cv2.imencode(".png", np.full((64, 64, 3), 128, np.uint8))[1].tobytes()
    answer = removebg(client, wall)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_foreground"


def test_removebg_looks_at_a_region(client: httpx.Client, photo: bytes) -> None:
    answer = removebg(client, photo, roi="0% 0% 100% 40%", type_level="none")
    alpha = decode(answer.content)[..., 3]
    assert alpha[:100].any()
    assert not alpha[103:].any()
    assert "X-Type" not in answer.headers
    assert removebg(client, photo, roi="0px 0px 9px 9px").status_code == 400


def test_rembg_cuts_and_masks(client: httpx.Client, photo: bytes) -> None:
    cutout = client.post("/api/remove", files={"file": photo})
    mask = client.post("/api/remove", files={"file": photo}, data={"om": "true", "a": "1"})
    assert decode(cutout.content).shape == (256, 256, 4)
    assert np.abs(decode(cutout.content)[..., 3].astype(int) - decode(mask.content)).max() <= 1
    assert client.get("/api/remove", params={"url": "http://example.com/"}).status_code == 403


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tritons_client_infers(server: HttpServer, binary: bool) -> None:
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    image = np.random.default_rng(5).random((2, 3, 64, 96), np.float32)
    with triton.InferenceServerClient(server.address.removeprefix("http://")) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("matte")
        (taken,) = client.get_model_metadata("matte")["inputs"]
        assert client.get_model_config("matte")["max_batch_size"] > 1
        assert "matte" in {one["name"] for one in client.get_model_repository_index()}
        given = triton.InferInput(taken["name"], image.shape, "FP32")
        given.set_data_from_numpy(image, binary_data=binary)
        wanted = [triton.InferRequestedOutput("alpha", binary_data=binary)]
        alpha = client.infer("matte", [given], outputs=wanted, request_id="7").as_numpy("alpha")
    network = default_session().network("matte")
    expected = np.concatenate([network.run(image[k : k + 1])["alpha"] for k in range(2)])
    assert np.abs(alpha - expected).max() < 1e-4


def test_every_network_describes_itself_and_runs(client: httpx.Client) -> None:
    for model in ("matte", "depth", "stereo", "fuse"):
        (taken,) = client.get(f"/v2/models/{model}").json()["inputs"]
        shape = [1, taken["shape"][1], 32, 32]
        tensor = {
            "name": taken["name"],
            "datatype": "FP32",
            "shape": shape,
            "data": np.full(shape, 0.5).ravel().tolist(),
        }
        answer = client.post(f"/v2/models/{model}/infer", json={"inputs": [tensor], "id": "x"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["id"] == "x"
        assert all(len(one["data"]) == 32 * 32 for one in answer.json()["outputs"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{" * 100_000,
        b'{"inputs": 3}',
        b'{"inputs": [{"name": "image", "shape": [1, 3, 1e9, 1], "datatype": "FP32"}]}',
        b'{"inputs": [{"name": "image", "shape": [1, 3, 32, 32], "datatype": "BYTES"}]}',
        b'{"inputs": [{"name": "a", "shape": [1, 3, 32, 32], "datatype": "FP32", "data": [1]}]}',
        b'{"inputs": [{"name": "image", "shape": [65536, 65536], "datatype": "FP32"}]}',
        b'{"inputs": [{"name": "image", "shape": [1, 3, 33, 32], "datatype": "FP32", '
        b'"parameters": {"binary_data_size": -1}}]}',
    ],
)
def test_bad_tensors_are_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v2/models/matte/infer", content=body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
