"""Load on `depthmatte serve`: throughput against the bare session, memory, previews, batches.

python -m benchmarks.server --seconds 120 --clients 32 --requests 2000
python -m benchmarks.server --part previews

Each part is stored in results/server.json; parts that were not measured stay as they were.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import onnx
import skimage.data

import depthmatte as dm
from depthmatte.effects import EFFECTS
from depthmatte.io.photo.photo_writer import encode_picture
from depthmatte.networks.network import read_contract
from depthmatte.networks.registry import network_path
from depthmatte.networks.runtime import open_network_file

from .common.table import RESULTS

VIEW = "alpha"
PREVIEW_SIDE = 1600
SLIDERS = ("blur", "beautify")
"""Effects with a strength, which changes with each request of the benchmark."""


def make_photo(height: int, width: int) -> bytes:
    """A JPEG of one person."""
    picture = cv2.resize(skimage.data.astronaut(), (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


@contextmanager
def running_server(*flags: str) -> Iterator[str]:
    """Run the server on a free port; yield its address."""
    command = [sys.executable, "-m", "depthmatte", "serve", "--port", "0", "--log", "none", *flags]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(120)


def bare_throughput(photo: bytes, seconds: float) -> float:
    """Photos per second of a session that reads, cuts and encodes on all cores."""

    def photos() -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield photo

    def work(portrait: dm.Portrait) -> int:
        return len(encode_picture(np.rint(portrait.alpha * 255).astype(np.uint8), "png"))

    with dm.Session() as session:
        list(session.map([photo] * 2, work))  # loads the networks
        start = time.monotonic()
        count = len(list(session.map(photos(), work)))
        return count / (time.monotonic() - start)


def load(address: str, photo: bytes, clients: int, seconds: float, most: int) -> dict[str, Any]:
    """Send photos from many clients at once, for a time or a number of requests."""
    times: list[float] = []
    statuses: Counter[str] = Counter()
    memory: list[float] = []
    start = time.monotonic()
    lock = threading.Lock()
    every = max(1, min(50, most // 40))

    def run() -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            while time.monotonic() - start < seconds and len(times) < most:
                begun = time.monotonic()
                try:
                    answer = client.post(
                        f"/v1/portraits?view={VIEW}", files={"photo": ("a.jpg", photo)}
                    )
                except httpx.TransportError as error:
                    with lock:
                        statuses[type(error).__name__] += 1
                    continue
                with lock:
                    statuses[str(answer.status_code)] += 1
                    if answer.status_code == 200:
                        times.append(time.monotonic() - begun)
                        if len(times) % every == 0:
                            memory.append(resident_mb(address))
                if answer.status_code == 429:
                    time.sleep(float(answer.headers["Retry-After"]))

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.monotonic() - start
    p50, p95 = np.percentile(times, [50, 95]) if times else (0.0, 0.0)
    return {
        "clients": clients,
        "requests": len(times),
        "statuses": dict(statuses),
        "errors": sum(count for status, count in statuses.items() if status not in ("200", "429")),
        "p50_ms": round(1000 * float(p50)),
        "p95_ms": round(1000 * float(p95)),
        "photos_per_second": round(len(times) / spent, 3),
        "memory_mb": [round(one) for one in memory],
        "memory_growth": memory_growth(memory),
    }


def memory_growth(memory: list[float]) -> float | None:
    """Growth from the second to the last quarter of the samples, as a share; the first warms up."""
    quarter = len(memory) // 4
    if not quarter:
        return None
    second, last = np.median(memory[quarter : 2 * quarter]), np.median(memory[-quarter:])
    return round(float(last / second - 1), 4)


def resident_mb(address: str) -> float:
    """Memory of the server, as it tells itself."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
    return float(found[1]) / 1e6 if found else 0.0


def preview_times(address: str, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of JPEG previews of a 12-megapixel portrait: the first of a size, and others.

    The first scales the photo and measures what the effect keeps. As from a slider, each request
    has another strength.
    """
    photo = make_photo(3000, 4000)
    found = {}
    with httpx.Client(base_url=address, timeout=120) as client:
        root = client.post("/v1/portraits", files={"photo": photo}).json()["links"]["self"]

        def read(place: str, query: dict[str, Any]) -> None:
            client.get(place, params=query).raise_for_status()

        served = [name for name in EFFECTS if name != "place"]  # it needs a picture
        for number, effect in enumerate(served):
            times = []
            for k in range(repeats + 1):
                query: dict[str, Any] = {"width": PREVIEW_SIDE - number, "format": "jpeg"}
                if effect in SLIDERS:
                    query["effect"] = f"{effect}:strength={0.3 + 0.6 * k / repeats:.3f}"
                times.append(milliseconds(read, f"{root}/{effect}", query))
            found[effect] = {
                "first": round(times[0], 1),
                "again_p50": round(float(np.median(times[1:])), 1),
                "again_p95": round(float(np.percentile(times[1:], 95)), 1),
            }
    return found


def encoding_times(repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds and kilobytes of encoding a preview, by format."""
    picture = cv2.resize(skimage.data.astronaut(), (PREVIEW_SIDE, 1200))
    found = {}
    for form in ("jpg", "png", "webp"):
        times = [milliseconds(encode_picture, picture, form) for _ in range(repeats)]
        size = len(encode_picture(picture, form)) / 1000
        found[form] = {"ms": round(float(np.median(times)), 1), "kb": round(size)}
    return found


def batch_times(repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of two pictures in one run of a network, and in two runs, on one core.

    The shipped graphs take one picture. Here that dimension is set free.
    """
    found = {}
    for task in ("matte", "depth"):
        contract = read_contract(network_path(task))
        graph = onnx.load_model(network_path(task))
        for one in (*graph.graph.input, *graph.graph.output):
            one.type.tensor_type.shape.dim[0].dim_param = "count"
        runner = open_network_file(graph.SerializeToString(), 1, ["CPUExecutionProvider"], True)
        height, width = contract.preset
        pair = np.random.default_rng(1).random((2, contract.channels, height, width), np.float32)
        names = list(contract.outputs)

        def run(
            pictures: Any, runner: Any = runner, names: Any = names, contract: Any = contract
        ) -> Any:
            shape = (len(pictures), 1, *pictures.shape[2:])
            return runner.run(names, {contract.input: pictures}, shape)

        assert np.allclose(run(pair)[0][1:], run(pair[1:])[0], atol=1e-3)
        together, apart = [], []
        for _ in range(repeats + 1):  # in turn, so that both see the same load
            together.append(milliseconds(run, pair))
            apart.append(milliseconds(run, pair[:1]) + milliseconds(run, pair[1:]))
        one_run, two_runs = float(np.median(together[1:])), float(np.median(apart[1:]))
        found[task] = {
            "one_run": round(one_run, 1),
            "two_runs": round(two_runs, 1),
            "gain": round(two_runs / one_run, 3),
        }
    return found


def milliseconds(work: Callable[..., Any], *given: Any) -> float:
    """Time that some work takes."""
    start = time.monotonic()
    work(*given)
    return 1000 * (time.monotonic() - start)


def measure_load(seconds: float, clients: int, side: int) -> dict[str, Any]:
    """Latency and throughput of many clients, against the bare session before and after."""
    photo = make_photo(side, side)
    before = bare_throughput(photo, seconds / 4)
    with running_server() as address:
        loaded = load(address, photo, clients, seconds, 10**9)
    after = bare_throughput(photo, seconds / 4)
    bare = (before + after) / 2
    share = loaded["photos_per_second"] / bare
    return {**loaded, "bare": [round(before, 3), round(after, 3)], "share_of_bare": round(share, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("load", "memory", "previews", "batches")
    parser.add_argument("--part", choices=parts, help="measure one part only")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=2000, help="of the part memory")
    parser.add_argument("--side", type=int, default=1024, help="sides of the photo in pixels")
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    wanted = (given.part,) if given.part else parts
    result: dict[str, Any] = {}
    if "load" in wanted:
        result["load"] = measure_load(given.seconds, given.clients, given.side)
    if "memory" in wanted:
        with running_server() as address:
            photo = make_photo(512, 512)
            result["memory"] = load(address, photo, 8, float("inf"), given.requests)
    if "previews" in wanted:
        with running_server() as address:
            result["previews_ms"] = preview_times(address, given.repeats)
        result["encoding"] = encoding_times(given.repeats)
    if "batches" in wanted:
        result["batches_ms"] = batch_times(given.repeats)
    print(json.dumps(result, indent=2))
    store(result)


def store(parts: dict[str, Any]) -> None:
    """Replace these parts of the stored results."""
    path = RESULTS / "server.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**stored, **parts}, indent=2) + "\n")
    print(f"-> {path.relative_to(RESULTS.parents[1])}")


if __name__ == "__main__":
    main()
