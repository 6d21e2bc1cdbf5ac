"""Load on `depthmatte serve`: latency and throughput against the bare session, memory, re-render.

python -m benchmarks.server --seconds 120 --clients 32 --requests 2000
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
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import skimage.data

import depthmatte as dm
from depthmatte.io.photo.photo_writer import encode_picture

VIEW = "alpha"


def make_photo(height: int, width: int) -> bytes:
    """A JPEG of one person."""
    picture = cv2.resize(skimage.data.astronaut(), (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()


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
                        if len(times) % 50 == 0:
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
        "p50_ms": round(1000 * float(p50)),
        "p95_ms": round(1000 * float(p95)),
        "photos_per_second": round(len(times) / spent, 3),
        "memory_mb": [round(one) for one in memory],
    }


def resident_mb(address: str) -> float:
    """Memory of the server, as it tells itself."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
    return float(found[1]) / 1e6 if found else 0.0


def render_times(address: str, repeats: int) -> dict[str, float]:
    """Milliseconds of a preview of 1600 pixels of a 12-megapixel portrait, by effect."""
    photo = make_photo(3000, 4000)
    with httpx.Client(base_url=address, timeout=120) as client:
        root = client.post("/v1/portraits", files={"photo": photo}).json()["links"]["self"]
        found = {}
        for effect in ("cutout", "background", "blur", "beautify"):
            times = []
            for k in range(repeats + 1):
                begun = time.monotonic()
                query = {"width": 1600, "format": "jpeg"}
                if effect in ("blur", "beautify"):  # another strength each time, as from a slider
                    query["effect"] = f"{effect}:strength={0.3 + 0.6 * k / repeats:.3f}"
                client.get(f"{root}/{effect}", params=query).raise_for_status()
                times.append(1000 * (time.monotonic() - begun))
            found[effect] = round(float(np.median(times[1:])), 1)  # the first one scales the photo
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--side", type=int, default=1024, help="sides of the photo in pixels")
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    photo = make_photo(given.side, given.side)
    bare = bare_throughput(photo, min(given.seconds, 30))
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "depthmatte", "serve", "--port", "0", "--log", "none"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            rendered = render_times(address, given.repeats)
            loaded = load(address, photo, given.clients, given.seconds, given.requests)
        finally:
            process.terminate()
            process.wait(120)
    share = loaded["photos_per_second"] / bare
    result = {"bare_photos_per_second": round(bare, 3), "share_of_bare": round(share, 3)}
    print(json.dumps({**result, **loaded, "render_ms": rendered}, indent=2))


if __name__ == "__main__":
    main()
