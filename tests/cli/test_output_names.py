"""batch.output_names: every result has a safe place of its own before any work is done."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.batch.output_names import (
    DEFAULT_TEMPLATE,
    STDOUT,
    TEMPLATE_FIELDS,
    OutputPlan,
    check_name_template,
    plan_outputs,
    result_folder,
)
from depthmatte.batch.photo_task import PhotoTask
from depthmatte.batch.record import keeps_journal
from depthmatte.errors import InputError, OptionError
from depthmatte.io.files.find import STDIN, FoundPhoto, search_photos
from depthmatte.io.files.resume_journal import JOURNAL_NAME, Journal
from depthmatte.options import ExistsPolicy

RESULTS = {"alpha": ".png", "blur": ".jpg"}


def found(*paths: str) -> list[FoundPhoto]:
    """As a search of the current folder gives them."""
    return [FoundPhoto(Path(path), Path(path).parent) for path in paths]


def names(made: OutputPlan) -> list[list[str]]:
    return [[target.as_posix() for target in task.targets.values()] for task in made.tasks]


def refusals(made: OutputPlan) -> list[str]:
    return [str(one.error) for one in made.refused]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*paths: str) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("before")


# Invariant: the default names are those of all versions so far.


def test_the_default_names() -> None:
    made = plan_outputs(found("a.jpg", "sub/b.x.png", "sub/c"), Path("out"), RESULTS)
    assert names(made) == [
        ["out/a.alpha.png", "out/a.blur.jpg"],
        ["out/sub/b.x.alpha.png", "out/sub/b.x.blur.jpg"],
        ["out/sub/c.alpha.png", "out/sub/c.blur.jpg"],
    ]
    assert [task.index for task in made.tasks] == [1, 2, 3]


def test_photos_that_differ_only_in_suffix_keep_it() -> None:
    made = plan_outputs(found("a.jpg", "a.png", "sub/a.jpg"), Path("out"), {"alpha": ".png"})
    assert names(made) == [
        ["out/a.jpg.alpha.png"],
        ["out/a.png.alpha.png"],
        ["out/sub/a.alpha.png"],
    ]
    told_apart = plan_outputs(
        found("a.jpg", "a.png"), Path(), {"alpha": ".png"}, "{index}-{stem}.{kind}"
    )
    assert names(told_apart) == [["1-a.alpha.png"], ["2-a.alpha.png"]]


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{kind}/{stem}", "out/trip/alpha/a.b.png"),
        ("{folder}/{kind}/{name}", "out/trip/alpha/a.b.heic.png"),
        ("{kind}/{folder}/{stem}", "out/alpha/trip/a.b.png"),
        ("{folder}_{stem}.{kind}", "out/trip_a.b.alpha.png"),
        ("{index:03}_{kind}.{ext}", "out/trip/001_alpha.png"),
        ("{stem}.{suffix}.{kind}", "out/trip/a.b.heic.alpha.png"),
        ("{ext}/{stem}.{kind}", "out/trip/png/a.b.alpha.png"),
        ("{stem}{{x}}.{kind}", "out/trip/a.b{x}.alpha.png"),
    ],
)
def test_templates(template: str, name: str) -> None:
    photos = [FoundPhoto(Path("in/trip/a.b.heic"), Path("trip"))]
    assert names(plan_outputs(photos, Path("out"), {"alpha": ".png"}, template)) == [[name]]


def test_a_template_with_a_folder_at_the_top() -> None:
    made = plan_outputs(found("a.jpg"), Path("out"), {"alpha": ".png"}, "{folder}/{stem}.{kind}")
    assert names(made) == [["out/a.alpha.png"]]


# Invariant: no template leads out of the folder of results or gives two results one name.


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("../{stem}.{kind}", "would leave the folder of results"),
        ("{stem}/../../{kind}", "would leave the folder of results"),
        ("/tmp/{stem}.{kind}", "would leave the folder of results"),
        ("\\{stem}.{kind}", "would leave the folder of results"),
        (".../{stem}.{kind}", "would leave the folder of results"),
        ("C:{stem}.{kind}", "':' is not allowed in names on every system"),
        ("{stem}\n.{kind}", "is not allowed in names on every system"),
        ("{stem}", "gives 2 results of a photo one name; add {kind}"),
        ("fixed", "gives every result one name; use {stem}.{kind}"),
        ("", "gives every result one name; use {stem}.{kind}"),
        ("{stem}/{kind}/", "names a folder, not a file"),
        ("{stam}.{kind}", "{stam} is unknown; use stem, name, suffix"),
        ("{}.{kind}", "{} is unknown"),
        ("{stem.__class__}.{kind}", "{stem.__class__} is unknown"),
        ("{stem!r}.{kind}", "{stem} is unknown"),
        ("{stem:>9999999999}.{kind}", "{stem:>9999999999} has no such form"),
        ("{index:999999}.{kind}", "{index:999999} has no such form"),
        ("{index:{kind}}", "{index:{kind}} has no such form"),
        ("{stem.{kind}", "braces hold one of stem, name"),
        ("a" * 2000 + "{kind}", "is too long; shorten it"),
    ],
)
def test_templates_that_are_refused(template: str, says: str) -> None:
    with pytest.raises(OptionError, match=r"^--name ") as caught:
        plan_outputs(found("a.jpg"), Path("out"), RESULTS, template)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


@given(
    st.lists(st.sampled_from(["{stem}", "{name}", "{kind}", "{folder}", "/", "..", ".", " ", "x"])),
    st.sampled_from(["a.jpg", "...jpg", "..", ". .jpg", "d/b"]),
)
def test_no_name_leaves_the_folder(parts: list[str], photo: str) -> None:
    try:
        made = plan_outputs(
            [FoundPhoto(Path(photo), Path())], Path("out"), {"alpha": ".png"}, "".join(parts)
        )
    except InputError:
        return
    for target in itertools.chain.from_iterable(names(made)):
        assert os.path.abspath(target).startswith(os.path.abspath("out") + os.sep)


def test_a_photo_whose_name_would_lead_out_is_refused_alone() -> None:
    made = plan_outputs(found("...jpg", "a.jpg"), Path("out"), {"alpha": ".png"}, "{stem}/{kind}")
    assert names(made) == [["out/a/alpha.png"]]
    assert "would leave the folder of results" in refusals(made)[0]


@given(st.data())
def test_no_two_results_share_a_file(data: st.DataObject) -> None:
    stems = data.draw(st.lists(st.text("aAé.", min_size=1, max_size=3), min_size=1, max_size=6))
    ends = data.draw(st.lists(st.sampled_from([".jpg", ".png"]), min_size=6, max_size=6))
    photos = list(dict.fromkeys(found(*map("".join, zip(stems, ends, strict=False)))))
    template = data.draw(
        st.sampled_from([DEFAULT_TEMPLATE, "{kind}", "{name}-{kind}", "{index}.{kind}"])
    )
    made = plan_outputs(photos, Path("out"), RESULTS, template)
    keys = [target.casefold() for target in itertools.chain.from_iterable(names(made))]
    assert len(keys) == len(set(keys))
    assert len(made.tasks) + len(made.refused) == len(photos)
    assert made.tasks, "the first is never refused"


# Invariant: whatever is read is never a target, under whatever name it is reached.


def test_a_photo_is_no_target() -> None:
    touch("d/a.png", "d/b.jpg")
    photos = [FoundPhoto(Path("d/a.png"), Path()), FoundPhoto(Path("d/b.jpg"), Path())]
    made = plan_outputs(photos, Path("d"), {"alpha": ".png"}, "{stem}")
    assert names(made) == [["d/b.png"]]
    assert refusals(made) == [
        "d/a.png: d/a.png would replace d/a.png, which is read; "
        "give another folder with -o, or other names with --name"
    ]


@pytest.mark.parametrize("how", ["same", "case", "link", "hard link", "folder", "linked folder"])
def test_what_is_read_beside_is_no_target(how: str) -> None:
    touch("a.jpg", "o/a.alpha.png")
    reads = {"same": "o/a.alpha.png", "case": "O/A.Alpha.PNG", "folder": "o"}.get(how, "other")
    if how == "link":
        Path("other").symlink_to("o/a.alpha.png")
    elif how == "hard link":
        os.link("o/a.alpha.png", "other")
    elif how == "linked folder":
        Path("other").symlink_to("o", target_is_directory=True)
    made = plan_outputs(found("a.jpg"), Path("o"), {"alpha": ".png"}, inputs=[reads])
    assert made.tasks == []
    assert "a.jpg: o/a.alpha.png would replace" in refusals(made)[0]
    assert "which is read" in refusals(made)[0]


def test_own_results_may_be_replaced_and_lookalikes_not() -> None:
    touch("d/a.jpg", "d/a.alpha.png")
    photos, real = [FoundPhoto(Path("d/a.jpg"), Path())], os.path.realpath("d/a.alpha.png")
    made = plan_outputs(photos, Path("d"), {"alpha": ".png"}, inputs=["d"], earlier_results=[real])
    assert names(made) == [["d/a.alpha.png"]]
    again = search_photos(["d"], "d", kinds=("alpha",))
    kept = plan_outputs(again.photos, Path("d"), {"alpha": ".png"}, protected=again.lookalikes)
    assert kept.tasks == []
    assert "a.alpha.png, which no earlier run is known to have written" in refusals(kept)[0]


def test_a_folder_is_no_target() -> None:
    touch("out/a.alpha.png/x")
    made = plan_outputs(found("a.jpg"), Path("out"), {"alpha": ".png"})
    assert "out/a.alpha.png is a folder" in refusals(made)[0]


# Invariant: what exists is dealt with by the stated rule.


def test_every_rule_for_what_exists() -> None:
    touch("out/a.alpha.png")
    photos, out = found("a.jpg", "b.jpg"), Path("out")
    assert names(plan_outputs(photos, out, RESULTS)) == [
        ["out/a.alpha.png", "out/a.blur.jpg"],
        ["out/b.alpha.png", "out/b.blur.jpg"],
    ]
    assert names(plan_outputs(photos, out, RESULTS, exists="skip"))[0] == ["out/a.blur.jpg"]
    skipped = plan_outputs(photos, out, {"alpha": ".png"}, exists="skip")
    assert skipped.skipped == photos[:1]
    assert names(skipped) == [["out/b.alpha.png"]]
    fails = plan_outputs(photos, out, RESULTS, exists="fail")
    assert names(fails) == [["out/b.alpha.png", "out/b.blur.jpg"]]
    assert "a.jpg: out/a.alpha.png exists; use --exists" in refusals(fails)[0]
    numbered = ["out/a.alpha-2.png", "out/a.blur-2.jpg"]
    assert names(plan_outputs(photos, out, RESULTS, exists="number"))[0] == numbered
    touch("out/a.blur-2.jpg")
    assert names(plan_outputs(photos, out, RESULTS, exists="number"))[0][0] == "out/a.alpha-3.png"


# Invariant: one file as the place of results takes one result.


def test_one_file_as_the_place_of_results() -> None:
    for place in (Path("me.png"), Path("new/me.webp"), STDOUT):
        (task,) = plan_outputs(found("a.jpg"), place, {"cutout": ".png"}).tasks
        assert task.targets == {"cutout": place}
    with pytest.raises(OptionError, match=r"-o me.png: is one place for 2 results; give a folder"):
        plan_outputs(found("a.jpg"), Path("me.png"), RESULTS)
    with pytest.raises(OptionError, match=r"-o -: is one place for 3 results; give a folder"):
        plan_outputs(found("a.jpg", "b.jpg", "c.jpg"), STDOUT, {"alpha": ".png"})
    touch("me.png")
    made = plan_outputs(found("me.png"), Path("me.png"), {"cutout": ".png"})
    assert "me.png would replace me.png, which is read" in refusals(made)[0]
    Path("album.jpg").mkdir()
    made = plan_outputs(found("a.jpg"), Path("album.jpg"), {"cutout": ".png"})
    assert names(made) == [["album.jpg/a.cutout.png"]]


def test_standard_input_has_a_name() -> None:
    made = plan_outputs([STDIN, *found("a.jpg")], Path("out"), {"cutout": ".png"})
    assert names(made) == [["out/stdin.cutout.png"], ["out/a.cutout.png"]]


def test_every_field_is_told_and_works() -> None:
    for name in TEMPLATE_FIELDS:
        check_name_template(f"{{{name}}}{{kind}}", RESULTS)
    with pytest.raises(OptionError, match="{other} is unknown; use " + ", ".join(TEMPLATE_FIELDS)):
        check_name_template("{other}{kind}", RESULTS)


# Invariant: a journal is kept where a later run could miss it, and only there.


def test_when_a_journal_is_kept() -> None:
    touch("in/a.jpg", "in/b.jpg", "out/x")
    results = {"cutout": ".png"}

    def kept(out: str, *photos: str, resume: bool = False) -> Path | None:
        tasks = plan_outputs(found(*photos), Path(out), results).tasks
        folder = result_folder(Path(out))
        return folder if folder and keeps_journal(Journal(folder), tasks, resume) else None

    assert kept("out", "in/a.jpg") is None
    assert kept("-", "in/a.jpg", resume=True) is None
    assert kept("me.png", "in/a.jpg") == Path(), "a photo lies below"
    assert kept("out/me.png", "in/a.jpg") is None
    assert kept("in", "in/a.jpg") == Path("in")
    assert kept("out", "in/a.jpg", "in/b.jpg") == Path("out")
    assert kept("out", "in/a.jpg", resume=True) == Path("out")
    touch(f"out/{JOURNAL_NAME}")
    assert kept("out", "in/a.jpg") == Path("out")


def test_what_is_done_is_skipped_whatever_the_rule() -> None:
    touch("a.jpg", "b.jpg", "out/a.alpha.png")
    photos, out, results = found("a.jpg", "b.jpg"), Path("out"), {"alpha": ".png"}
    first = plan_outputs(photos, out, results)
    journal = Journal(out)
    journal.note(Path("a.jpg"), "x", first.tasks[0].targets.values())
    for exists in get_args(ExistsPolicy):

        def done(task: PhotoTask) -> bool:
            return Journal(out).done(task.path, "x", task.targets.values())

        again = plan_outputs(photos, out, results, exists=exists, is_done=done)
        assert again.skipped == photos[:1]
        assert names(again) == [["out/b.alpha.png"]]
