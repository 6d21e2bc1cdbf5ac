"""Routes under /v2: the networks by the Open Inference Protocol, as Triton and KServe have it."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from numpy.typing import NDArray

from ... import __version__
from ...errors import InputError
from ...networks.network import Network
from ...networks.registry import NETWORKS
from ..http_errors import RequestError
from ..portrait_routes import ERROR_ANSWERS, ServiceOf
from ..service import Service
from .inference_protocol import encode_inference_answer, parse_inference_request

inference_router = APIRouter(prefix="/v2", tags=["networks"], responses=ERROR_ANSWERS)

_MAX_BATCH = 16

_MAX_PICTURE_PIXELS = 1_048_576
"""Most pixels of a picture: a network takes up to 500 bytes for each while it runs."""

_VERSION = "1"
_BODY = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}

_Model = Annotated[str, Path(max_length=40, description="matte, depth, stereo, fuse or parts")]


def _path_version(request: Request) -> str:
    """Return the version in the path; 1 where there is none."""
    return str(request.path_params.get("version", _VERSION))


_Version = Annotated[str, Depends(_path_version)]
_HeaderLength = Annotated[
    int | None,
    Header(alias="Inference-Header-Content-Length", description="Length of the JSON in bytes."),
]


def _network(service: Service, model: str, version: str) -> Network:
    """Return a network; RequestError 404 for an unknown one."""
    if model not in NETWORKS or version != _VERSION:
        raise RequestError(404, f"no such network; use version 1 of {', '.join(NETWORKS)}")
    if model == "stereo" and service.session.options.stereo_network == "sgbm":
        raise RequestError(404, "this server matches two views without a network")
    return service.session.network(model, service.threads)


@inference_router.get("")
async def read_server() -> dict[str, Any]:
    """Describe the server."""
    extensions = ["binary_tensor_data", "model_repository", "model_configuration"]
    return {"name": "depthmatte", "version": __version__, "extensions": extensions}


@inference_router.get("/health/live")
async def is_live() -> dict[str, bool]:
    """Tell that the server runs."""
    return {"live": True}


@inference_router.get("/health/ready")
async def can_infer(service: ServiceOf) -> Response:
    """Tell whether the server takes requests."""
    ready = service.ready and not service.draining
    return JSONResponse({"ready": ready}, 200 if ready else 503)


@inference_router.post("/repository/index")
async def index_networks() -> list[dict[str, str]]:
    """List the networks."""
    return [{"name": name, "version": _VERSION, "state": "READY"} for name in NETWORKS]


@inference_router.get("/models/{model}")
@inference_router.get("/models/{model}/versions/{version}", include_in_schema=False)
async def read_network(service: ServiceOf, model: _Model, version: _Version) -> dict[str, Any]:
    """Describe inputs and outputs of a network."""
    contract = (await service.pool.run(_network, service, model, version)).contract
    plane = {"datatype": "FP32", "shape": [-1, 1, -1, -1]}
    image = {"datatype": "FP32", "shape": [-1, contract.channels, -1, -1]}
    return {
        "name": model,
        "versions": [_VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": contract.input, **image}],
        "outputs": [{"name": name, **plane} for name in contract.outputs],
        "parameters": {
            "multiple": contract.multiple,
            "preset_height": contract.preset[0],
            "preset_width": contract.preset[1],
            "task": contract.task,
            "license": contract.license,
        },
    }


@inference_router.get("/models/{model}/config")
@inference_router.get("/models/{model}/versions/{version}/config", include_in_schema=False)
async def read_config(service: ServiceOf, model: _Model, version: _Version) -> dict[str, Any]:
    """Describe a network as Triton's clients ask for it."""
    contract = (await service.pool.run(_network, service, model, version)).contract
    plane = {"data_type": "TYPE_FP32", "dims": [1, -1, -1]}
    image = {"data_type": "TYPE_FP32", "dims": [contract.channels, -1, -1]}
    return {
        "name": model,
        "platform": "onnxruntime_onnx",
        "max_batch_size": _MAX_BATCH,
        "input": [{"name": contract.input, **image}],
        "output": [{"name": name, **plane} for name in contract.outputs],
    }


@inference_router.get("/models/{model}/ready")
@inference_router.get("/models/{model}/versions/{version}/ready", include_in_schema=False)
async def is_network_ready(service: ServiceOf, model: _Model, version: _Version) -> dict[str, Any]:
    """Tell whether a network can run; it loads if it was not used yet."""
    await service.pool.run(_network, service, model, version)
    return {"name": model, "ready": True}


@inference_router.post("/models/{model}/infer", openapi_extra=_BODY)
@inference_router.post("/models/{model}/versions/{version}/infer", include_in_schema=False)
async def infer(
    request: Request,
    service: ServiceOf,
    model: _Model,
    version: _Version,
    header_length: _HeaderLength = None,
) -> Response:
    """Run a network on a batch (n, channels, h, w), float32 in [0, 1]."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestError(400, "Content-Encoding is not supported; send plain bytes")
    body = await request.body()

    def work() -> Response:
        network = _network(service, model, version)
        asked = parse_inference_request(body, header_length)
        content, length = encode_inference_answer(
            asked, model, _run_batch(network, model, asked.inputs)
        )
        if length is None:
            return Response(content, media_type="application/json")
        headers = {"Inference-Header-Content-Length": str(length)}
        return Response(content, media_type="application/octet-stream", headers=headers)

    return await service.pool.run(work)


def _run_batch(
    network: Network, model: str, inputs: dict[str, NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """Run a network on each picture of a batch."""
    contract = network.contract
    if set(inputs) != {contract.input}:
        raise InputError(f"{model}: takes the input {contract.input}; send that one")
    batch = inputs[contract.input]
    if batch.ndim != 4 or batch.shape[1] != contract.channels or len(batch) > _MAX_BATCH:
        raise InputError(
            f"{model}: input has shape {batch.shape}; "
            f"send (n, {contract.channels}, h, w) with n up to {_MAX_BATCH}"
        )
    if batch.shape[2] % contract.multiple or batch.shape[3] % contract.multiple:
        raise InputError(
            f"{model}: height and width are no multiples of {contract.multiple}; pad the picture"
        )
    if batch.shape[2] * batch.shape[3] > _MAX_PICTURE_PIXELS:
        raise InputError(
            f"{model}: a picture has more than {_MAX_PICTURE_PIXELS} pixels; "
            f"scale it to about {contract.preset[0]} x {contract.preset[1]}"
        )
    runs = [network.run(np.ascontiguousarray(batch[k : k + 1])) for k in range(len(batch))]
    return {name: np.concatenate([run[name] for run in runs]) for name in contract.outputs}
