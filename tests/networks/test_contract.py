"""Contracts are read whole, old ones stay valid, and what a stranger wrote is bounded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.errors import WeightsError
from depthmatte.networks.contract import CONTRACT_VERSION, PRECISIONS, Contract
from depthmatte.system.printable_text import printable_excerpt

OLD = {
    "contract": CONTRACT_VERSION,
    "task": "matte",
    "input": {"name": "image", "range": [0, 1], "multiple": 32, "preset": [480, 352]},
    "outputs": {"alpha": "opacity", "prob": "probability"},
}
"""What every contract holds; files from before 0.3 hold nothing about their origin."""

NEW = ("precision", "recipe", "data_sha256", "data_licenses", "trainer", "teacher")

values = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6),
    st.text("abc XYZ-_.", max_size=40), st.lists(st.integers(0, 999), max_size=5),
)  # fmt: skip
names = st.text("abcdefgh_0123", min_size=1, max_size=20)


def read(**new: Any) -> Contract:
    return Contract.parse(json.dumps(OLD | new))


def test_an_old_contract_says_nothing_of_its_origin() -> None:
    contract = read()
    assert [bool(getattr(contract, name)) for name in NEW] == [False] * len(NEW)


@given(
    recipe=st.dictionaries(names, values, max_size=20),
    hashes=st.dictionaries(names, st.text("0123456789abcdef", min_size=64, max_size=64)),
    precision=st.sampled_from(PRECISIONS),
)
def test_what_is_written_is_read(
    recipe: dict[str, Any], hashes: dict[str, str], precision: str
) -> None:
    contract = read(
        recipe=recipe, data_sha256=hashes, data_licenses=dict.fromkeys(hashes, "MIT"),
        precision=precision, trainer="commit 1234", teacher="a teacher",
    )  # fmt: skip
    assert contract.recipe == {
        name: printable_excerpt(value) if isinstance(value, str) else value
        for name, value in recipe.items()
    }
    assert contract.data_sha256 == hashes
    assert contract.data_licenses == dict.fromkeys(hashes, "MIT")
    assert (contract.precision, contract.trainer) == (precision, "commit 1234")
    assert contract.teacher == "a teacher"


@pytest.mark.parametrize("key", ["recipe", "data_sha256", "data_licenses"])
@pytest.mark.parametrize(
    "wrong", [[], "text", 7, None, {f"k{index}": "x" for index in range(1000)}]
)
def test_an_origin_of_another_kind_is_refused(key: str, wrong: Any) -> None:
    with pytest.raises(WeightsError, match="contract is damaged") as caught:
        read(**{key: wrong})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["data_sha256", "data_licenses"])
def test_hashes_and_licenses_are_texts(key: str) -> None:
    with pytest.raises(WeightsError, match=f"{key} holds a value that is no str"):
        read(**{key: {"ccp": 7}})


def test_long_and_unprintable_texts_are_cut() -> None:
    contract = read(
        trainer="x" * 10_000, teacher="a\x1b[31m\nb", precision="int8\n",
        recipe={"a" * 1000: "y" * 10_000, "deep": [["z" * 1000] * 100], "line": "a\nb"},
    )  # fmt: skip
    texts = [contract.trainer, contract.teacher, contract.precision, *contract.recipe]
    texts += [str(value) for value in contract.recipe.values()]
    assert all(text.isprintable() and len(text) < 400 for text in texts)
