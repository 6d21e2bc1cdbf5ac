"""The contact sheet of a batch: one HTML file with failures first, then empty results, then all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2

from ..io.files.object_storage import remote_url
from ..system.atomic_write import atomic_draft
from ..system.html_page import HtmlPage

_MAX_PICTURES = 2000
_MAX_FAILURES = 5000
"""Bounds on what the page shows; it says how many are left out."""

_SIDE_PX = 220
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]


class ContactPage:
    """Collects small pictures while a batch runs, and writes the page at the end."""

    def __init__(self) -> None:
        self._thumbnails: dict[tuple[str, int], bytes] = {}

    def keep_thumbnail(self, file: str, line: int, jpeg: bytes | None) -> None:
        """Keep the small picture of a photo while there is room."""
        if jpeg is not None and len(self._thumbnails) < _MAX_PICTURES:
            self._thumbnails[file, line] = jpeg

    def write(self, path: Path, rows: Iterable[Mapping[str, Any]], folder: Path) -> None:
        """Write the page.

        Parameters
        ----------
        path : Path
            The HTML file.
        rows : iterable of mapping
            The rows of `results.jsonl`.
        folder : Path
            The output folder. Pictures of earlier runs are made of the results in it.

        Raises
        ------
        InputError
            When the file cannot be written.
        """
        failed: list[Mapping[str, Any]] = []
        empty: list[Mapping[str, Any]] = []
        good: list[Mapping[str, Any]] = []
        counts = {"ok": 0, "error": 0, "skipped": 0}
        no_person = 0
        for row in rows:
            status = str(row.get("status"))
            counts[status] = counts.get(status, 0) + 1
            if status == "error":
                if len(failed) < _MAX_FAILURES:
                    failed.append(row)
                continue
            is_empty = row.get("found") is False
            no_person += is_empty
            chosen = empty if is_empty else good
            if len(chosen) < _MAX_PICTURES:
                chosen.append(row)
        page = HtmlPage("Contact sheet")
        page.add_text(
            f"{counts['ok']} cut, {no_person} of them without a person, {counts['error']} failed, "
            f"{counts['skipped']} skipped.",
            quiet=True,
        )
        if failed:
            page.add_heading(f"Failed: {counts['error']}")
            page.add_table(
                ["Photo", "Problem"],
                [[_name(row), str(row.get("error", ""))] for row in failed],
                words=True,
            )
            self._note_left_out(page, counts["error"] - len(failed))
        room = _MAX_PICTURES
        for title, chosen, count in (
            ("No person found", empty, no_person),
            ("Cut", good, counts["ok"] + counts["skipped"] - no_person),
        ):
            shown = chosen[:room]
            room -= len(shown)
            if count:
                page.add_heading(f"{title}: {count}")
                page.add_grid([(self._picture(row, folder), _caption(row)) for row in shown])
                self._note_left_out(page, count - len(shown))
        with atomic_draft(path) as draft:
            draft.write_text(str(page), "utf-8")

    def _note_left_out(self, page: HtmlPage, count: int) -> None:
        if count > 0:
            page.add_text(f"{count} more are left out here; results.jsonl lists all.", quiet=True)

    def _picture(self, row: Mapping[str, Any], folder: Path) -> bytes | None:
        """Return a small JPEG; of an earlier run, that of its first result."""
        kept = self._thumbnails.get((str(row.get("file")), int(row.get("line", 0))))
        outputs = row.get("outputs") or []
        if kept or not outputs or remote_url(folder) is not None:
            return kept
        result = folder / str(outputs[0])
        if not result.is_file():  # OpenCV would print a warning
            return None
        try:
            picture = cv2.imread(str(result), cv2.IMREAD_REDUCED_COLOR_4)
        except cv2.error:
            return None
        if picture is None:
            return None
        scale = min(1.0, _SIDE_PX / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return bytes(cv2.imencode(".jpg", small, _QUALITY)[1])


def _name(row: Mapping[str, Any]) -> str:
    line = row.get("line")
    return f"{row.get('file')} (line {line})" if line else str(row.get("file"))


def _caption(row: Mapping[str, Any]) -> str:
    if row.get("status") == "skipped":
        return f"{_name(row)}: skipped"
    timings = row.get("timings") or {}
    seconds = sum(float(ms) for ms in timings.values()) / 1000
    return f"{_name(row)}: {seconds:.2f} s, depth {row.get('depth_source')}"
