"""batch.manifest: every row is checked before any work, and each problem names its line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.batch.cutting.job import CutJob
from depthmatte.batch.manifest import MANIFEST_COLUMNS, is_manifest, read_manifest
from depthmatte.errors import InputError
from depthmatte.options import CutOptions, SensorOptions

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.sampled_from(["auto", "nearest", "640,360"]),
        "fusion": st.sampled_from(["none", "adaptive"]),
        "second_look": st.booleans(),
        "orient": st.sampled_from(["pad", "rotate"]),
    },
)
NAMES = st.text("abcäß字 -_,;'\"", min_size=1, max_size=12).map(str.strip).filter(bool)
ROWS = st.lists(st.tuples(NAMES, OPTIONS), min_size=1, max_size=6)


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def as_pairs(options: dict[str, Any], separator: str) -> str:
    return separator.join(f"{name}={str(value).lower()}" for name, value in options.items())


@given(ROWS, st.sampled_from(["json", ";", ","]), st.sampled_from([",", ";", "\t"]))
def test_a_csv_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, form: str, delimiter: str
) -> None:
    held = io.StringIO()
    writer = csv.writer(held, delimiter=delimiter)
    writer.writerow(["photo", "options", "depth"])
    for name, options in rows:
        text = json.dumps(options) if form == "json" else as_pairs(options, form)
        writer.writerow([f"{name}.jpg", text, ""])
    folder = tmp_path_factory.mktemp("m")
    manifest = read_manifest(write(folder, held.getvalue()), CutJob())
    assert manifest.problems == []
    assert [row.photo.path for row in manifest.rows] == [folder / f"{name}.jpg" for name, _ in rows]
    assert [row.cut for row in manifest.rows] == [CutOptions(**options) for _, options in rows]


@given(ROWS)
def test_json_lines_give_the_same(tmp_path_factory: pytest.TempPathFactory, rows: Any) -> None:
    lines = [json.dumps({"photo": f"{name}.jpg", "options": options}) for name, options in rows]
    path = write(tmp_path_factory.mktemp("m"), "\n".join(lines), "list.jsonl")
    manifest = read_manifest(path, CutJob())
    assert [row.cut for row in manifest.rows] == [CutOptions(**options) for _, options in rows]
    assert [row.line for row in manifest.rows] == list(range(1, len(rows) + 1))


@given(st.binary(max_size=300), st.sampled_from(["list.csv", "list.jsonl"]))
def test_any_bytes_give_rows_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("m") / name
    path.write_bytes(content)
    try:
        manifest = read_manifest(path, CutJob())
        told = manifest.problems
        assert manifest.rows or told
        assert all("line " in problem for problem in told)
    except InputError as error:
        told = [str(error)]
    assert not any("\n" in line for line in told)


def test_options_of_a_row_replace_those_of_the_command(tmp_path: Path) -> None:
    job = CutJob(CutOptions(fusion="none", orient="rotate"))
    text = (
        'photo,depth,options\na.jpg,d.png,"sensor=near=0.4,far=5,subject=10,20,fusion=adaptive"\n'
    )
    row = read_manifest(write(tmp_path, text), job).rows[0]
    assert row.cut == CutOptions(
        fusion="adaptive", orient="rotate", subject="10,20", sensor=SensorOptions(near=0.4, far=5)
    )
    assert row.depth == tmp_path / "d.png"
    assert job.for_row(row).side_inputs.depth == row.depth


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ('{"depth": "d.png"}', "photo is empty"),
        ('{"photo": 3}', "photo is 3; give a path"),
        ('{"photo": "a.jpg", "dept": "d.png"}', "'dept' is unknown; use photo, depth"),
        ('{"photo": "a.jpg", "options": {"fuson": "none"}}', "no option 'fuson'"),
        ('{"photo": "a.jpg", "options": {"fusion": "new"}}', "fusion is 'new'"),
        ('{"photo": "a.jpg", "options": "fusion"}', "fusion has no value"),
        ('{"photo": "a.jpg", "options": "fusion=none;fusion=none"}', "fusion is given twice"),
        ('{"photo": "a.jpg", "options": "fusion=product;depth_source=none"}', "needs depth"),
        ('{"photo": "a.jpg", "options": [1]}', "options is [1]"),
        ('{"photo": "a.jpg", "options": {"depth_scale": 1000}}', "depth"),
        ('{"photo": "s3://key:pass@bucket/a.jpg"}', "the URL holds credentials"),
        ("[1]", "is no JSON object"),
        ("{", "is no JSON"),
    ],
)
def test_each_problem_is_named_with_its_line(tmp_path: Path, cells: str, told: str) -> None:
    path = write(tmp_path, f'{{"photo": "fine.jpg"}}\n\n{cells}\n', "list.jsonl")
    manifest = read_manifest(path, CutJob())
    assert [row.line for row in manifest.rows] == [1]
    (problem,) = manifest.problems
    assert problem.startswith(f"{path}, line 3: ")
    assert told in problem
    assert "pass@" not in problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("photo,dept\na.jpg,\n", "line 1: the column 'dept' is unknown; use photo"),
        ("photo,photo\na.jpg,\n", "line 1: the column 'photo' is there twice"),
        ("depth\nd.png\n", "line 1: there is no column photo"),
        ("photo\n", "names no photos"),
        ('photo\n"a.jpg\n', "is not CSV"),
        ("photo\n" + "a" * 200_000, "more than 131072 characters"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_manifest(write(tmp_path, text), CutJob())


def test_many_problems_are_counted(tmp_path: Path) -> None:
    manifest = read_manifest(write(tmp_path, "photo,options\n" + "a.jpg,x=1\n" * 50), CutJob())
    assert len(manifest.problems) == 21
    assert "30 more lines" in manifest.problems[-1]


def test_what_counts_as_a_manifest() -> None:
    assert all(map(is_manifest, ("a.csv", "b.JSONL", "s3://c/d.ndjson")))
    assert not any(map(is_manifest, ("a.jpg", "csv", "a.json")))
    assert MANIFEST_COLUMNS == ("photo", "depth", "calib", "right", "options")
