"""batch.watch: photos are cut once they are complete, and a stop leaves nothing behind."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

from batch_photos import (
    command,
    draw_photos,
    environment,
    result_rows,
    wait_for,
)

from depthmatte.batch.run import Batch
from depthmatte.batch.watch import watch_photos
from depthmatte.cli.output import Reporter


def test_watching_cuts_what_is_complete_and_stops_cleanly(
    place: Path, tiny_networks: list[str]
) -> None:
    draw_photos(place / "photos", 1)
    process = subprocess.Popen(
        command("photos", "--watch", "--save", "alpha", *tiny_networks, "--json"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out = place / "out"
    try:
        wait_for((out / "00.alpha.png").exists, process)
        content = (place / "photos" / "00.png").read_bytes()
        with open("photos/slow.png", "wb") as file:  # arrives bit by bit
            for start in range(0, len(content), len(content) // 4 + 1):
                file.write(content[start : start + len(content) // 4 + 1])
                file.flush()
                time.sleep(0.3)
        wait_for((out / "slow.alpha.png").exists, process)
        shutil.copy("photos/00.png", "photos/last.png")
        wait_for((out / "last.alpha.png").exists, process)
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    rows = [json.loads(line) for line in told.splitlines()]
    assert [row["status"] for row in rows] == ["ok"] * 3, "no half photo was read"
    assert [row["file"] for row in result_rows(out)] == [
        f"photos/{name}.png" for name in ("00", "slow", "last")
    ]
    assert not list(out.glob(".*.part"))


def test_watching_cuts_a_changed_photo_again(place: Path, tiny_networks: list[str]) -> None:
    from depthmatte.batch.cutting.job import CutJob
    from depthmatte.options import OutputOptions, SessionOptions

    (path,) = draw_photos(place / "photos", 1)
    session = SessionOptions(matte_network=tiny_networks[1], depth_network=tiny_networks[3])
    job = CutJob(session=session, output=OutputOptions(save="alpha", watch=True))
    batch = Batch(["photos"], job, Reporter("quiet"))
    looks = 0

    def should_stop() -> bool:
        nonlocal looks
        looks += 1
        if batch.counts.done == 1 and path.stat().st_size != 3:
            path.write_bytes(b"bad")
        return batch.counts.failed == 1 or looks > 3000

    counts = watch_photos(batch, should_stop, poll_seconds=0.05)
    assert (counts.done, counts.failed) == (1, 1)
