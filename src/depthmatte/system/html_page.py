"""A small HTML page in one file: pictures stand inside it, and nothing is loaded from outside."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

import cv2

from ..types import RGB
from .printable_text import make_printable

_JPEG_QUALITY = 88

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --good: #2a7; --bad: #c43; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
p.quiet, figcaption { color: var(--quiet); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child, table.words th, table.words td { text-align: left; }
table.words td { overflow-wrap: anywhere; }
td.better { color: var(--good); } td.worse { color: var(--bad); }
figure { margin: 1rem 0; } img { max-width: 100%; height: auto; background: white; }
.scroll { overflow-x: auto; }
.grid { display: flex; flex-wrap: wrap; gap: .8rem; }
.grid figure { margin: 0; max-width: 15rem; font-size: .8rem; overflow-wrap: anywhere; }
"""

Cell = str | tuple[str, str]
"""A text, or a text and the class of its cell: "better" or "worse"."""


class HtmlPage:
    """Collects the parts of a page from top to bottom. All text is escaped.

    Parameters
    ----------
    title : str
        The heading.
    """

    def __init__(self, title: str) -> None:
        self._title = _text(title)
        self._parts = [f"<h1>{self._title}</h1>"]

    def add_heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{_text(text)}</h2>")

    def add_text(self, text: str, quiet: bool = False) -> None:
        """Add a paragraph, in gray where it is `quiet`."""
        opened = '<p class="quiet">' if quiet else "<p>"
        self._parts.append(f"{opened}{_text(text)}</p>")

    def add_table(
        self, head: Sequence[str], rows: Sequence[Sequence[Cell]], words: bool = False
    ) -> None:
        """Add a table. The first column is aligned left, and with `words` the others are too."""
        top = "".join(f"<th>{_text(cell)}</th>" for cell in head)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
        kind = ' class="words"' if words else ""
        self._parts.append(
            f'<div class="scroll"><table{kind}><thead><tr>{top}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def add_png(self, data: bytes, about: str) -> None:
        """Add the content of a PNG file."""
        self._add_image(data, "png", about)

    def add_picture(self, rgb: RGB, about: str) -> None:
        """Add a picture, uint8 (h, w, 3), as JPEG with its caption."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), quality)[1]
        self._add_image(coded.tobytes(), "jpeg", about)

    def add_grid(self, pictures: Sequence[tuple[bytes | None, str]]) -> None:
        """Add small pictures side by side: (content of a JPEG file or None, caption)."""
        cells = []
        for data, about in pictures:
            shown = f"<figcaption>{_text(about)}</figcaption>"
            if data is not None:
                coded = base64.b64encode(data).decode("ascii")
                shown = (
                    f'<img loading="lazy" src="data:image/jpeg;base64,{coded}" '
                    f'alt="{_text(about)}">{shown}'
                )
            cells.append(f"<figure>{shown}</figure>")
        self._parts.append(f'<div class="grid">{"".join(cells)}</div>')

    def _add_image(self, data: bytes, kind: str, about: str) -> None:
        source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
        self._parts.append(
            f'<figure><img src="{source}" alt="{_text(about)}">'
            f"<figcaption>{_text(about)}</figcaption></figure>"
        )

    def __str__(self) -> str:
        """The whole page."""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{self._title}</title><style>{_STYLE}</style></head>\n<body>\n"
            + "\n".join(self._parts)
            + "\n</body></html>\n"
        )


def _text(text: str) -> str:
    """Text, also out of files, as HTML shows it."""
    return escape(make_printable(text))


def _cell(cell: Cell) -> str:
    text, kind = cell if isinstance(cell, tuple) else (cell, "")
    return f'<td class="{kind}">{_text(text)}</td>' if kind else f"<td>{_text(text)}</td>"
