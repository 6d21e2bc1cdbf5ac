"""The texts of the page stand in one file: each that is used exists, and each is used."""

from __future__ import annotations

import re
from pathlib import Path

import depthmatte

STATIC = Path(depthmatte.__file__).parent / "server" / "static"
MADE = ("option.", "view.", "look.", "tool.", "brush.", "inputs.", "done.cut.", "marks.")
"""Starts of keys that the page puts together from names."""


def english() -> dict[str, str]:
    page = (STATIC / "texts.en.js").read_text("utf-8")
    return dict(re.findall(r'^  "([^"]+)": "((?:[^"\\]|\\.)*)",$', page, re.MULTILINE))


def used_keys() -> set[str]:
    scripts = [path for path in STATIC.glob("*.js") if not path.name.startswith("texts.")]
    code = "\n".join(path.read_text("utf-8") for path in scripts)
    page = (STATIC / "index.html").read_text("utf-8")
    known = "|".join(sorted({key.partition(".")[0] for key in english()}))
    quoted = re.findall(rf'"((?:{known})\.[a-z_.]+)"', code)
    return {*quoted, *re.findall(r'data-(?:text|label)="([^"]+)"', page)}


def test_every_used_text_exists() -> None:
    assert used_keys() - set(english()) == set()


def test_every_text_is_used() -> None:
    unused = set(english()) - used_keys()
    assert {key for key in unused if not key.startswith(MADE)} == set()


def test_no_text_stands_in_the_page_itself() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    body = re.sub(r"(?s)<head>.*?</head>|<noscript>.*?</noscript>|<option.*?</option>", "", page)
    assert re.findall(r">\s*([A-Za-z][^<]*)<", body) == []


def test_no_code_stands_in_the_page_and_nothing_comes_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"\s(?:on\w+|style)=", page) == []
    for path in STATIC.iterdir():
        found = re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8"))
        assert set(found) <= {"http://www.w3.org/2000/svg"}, path.name
