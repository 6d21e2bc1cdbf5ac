"""Networks trained on this machine: which one a name means, the way back, damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from depthmatte.cli.app import app
from depthmatte.errors import InputError, WeightsError
from depthmatte.networks import registry
from depthmatte.networks.adopted import (
    AdoptedNetwork,
    adopt_network,
    current_adopted,
    keep_network,
    list_reports,
    rollback_network,
    use_network,
)

SHIPPED = registry.NETWORKS_FOLDER / "matte.onnx"
OTHER = registry.NETWORKS_FOLDER / "depth.onnx"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTHMATTE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["networks", *words])
    return done.exit_code, done.stdout, done.stderr


def keep(file: Path = SHIPPED, adopted: bool = True) -> AdoptedNetwork:
    """A network that was trained here, of a shipped file."""
    report = {"sha256": registry.file_sha256(file), "adopted": adopted, "reasons": ["tried"]}
    network = keep_network("matte", file, report)
    if adopted:
        adopt_network(network)
    return network


def test_a_name_means_the_network_adopted_last(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry.network_path("matte") == SHIPPED
    first, aside, second = keep(), keep(adopted=False), keep(OTHER)
    assert [one.number for one in (first, aside, second)] == [1, 2, 3]
    assert registry.network_path("matte") == second.file
    assert registry.network_path("shipped:matte") == SHIPPED
    assert registry.network_path("depth") == OTHER
    monkeypatch.setenv("DEPTHMATTE_NETWORKS", "shipped")
    assert registry.network_path("matte") == SHIPPED


def test_rolling_back_goes_down_to_the_shipped_one() -> None:
    first, _, third = keep(), keep(adopted=False), keep(OTHER)
    assert rollback_network("matte") == first
    assert registry.network_path("matte") == first.file
    assert rollback_network("matte") is None
    assert registry.network_path("matte") == SHIPPED
    with pytest.raises(InputError, match="matte: the shipped network is the current one"):
        rollback_network("matte")
    assert use_network("matte", third.number) == third
    assert registry.network_path("matte") == third.file
    assert use_network("matte", 0) is None
    assert current_adopted("matte") is None
    with pytest.raises(InputError, match="matte 7: no such network was trained here"):
        use_network("matte", 7)


def test_rolling_back_where_nothing_was_adopted_makes_nothing(home: Path) -> None:
    with pytest.raises(InputError, match="nothing to undo"):
        rollback_network("matte")
    assert not home.exists()


def test_a_damaged_or_missing_network_names_the_way_back() -> None:
    network = keep(OTHER)
    network.file.write_bytes(network.file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"is damaged .*depthmatte networks rollback matte"):
        registry.network_path("matte")
    network.file.unlink()
    with pytest.raises(WeightsError, match=r"is missing.*depthmatte networks rollback matte"):
        registry.network_path("matte")
    status, printed, _ = run()
    assert status == 1
    assert "matte: /" in printed
    assert "shipped:matte: ok" in printed
    assert run("rollback", "matte")[:2] == (0, "matte: shipped\n")
    assert registry.network_path("matte") == SHIPPED


@pytest.mark.parametrize("content", [b"", b"[]", b'{"adopted": 3}', b'{"adopted": [{}]}', b"\xff"])
def test_a_damaged_list_names_the_way_back(home: Path, content: bytes) -> None:
    keep()
    (home / "networks" / "matte" / "current.json").write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read; depthmatte networks rollback matte"):
        registry.network_path("matte")
    assert registry.network_path("shipped:matte") == SHIPPED
    assert rollback_network("matte") is None
    assert registry.network_path("matte") == SHIPPED


def test_the_commands_say_which_is_current() -> None:
    assert run("current")[1].splitlines()[0].startswith("matte: shipped, sha256 ")
    keep(adopted=False)
    keep()
    _, printed, _ = run("current", "matte", "--json")
    [row] = json.loads(printed)
    assert row["adopted"] is True
    assert row["source"] == "trained on this machine, number 2"
    rows = json.loads(run("list", "--json", "--verify")[1])
    assert [one["name"] for one in rows][:3] == ["matte", "shipped:matte", "depth"]
    assert {one["status"] for one in rows} == {"verified"}
    told = run("list")[1]
    assert "matte 1: None kept aside: tried" in told
    assert "matte 2: None adopted: tried" in told
    assert run("use", "matte", "1")[1] == "matte: number 1\n"
    assert run("current", "nose")[0] == 2


def test_a_damaged_report_is_listed_as_such(home: Path) -> None:
    keep()
    (home / "networks" / "matte" / "001" / "report.json").write_text("{")
    assert "damaged" in list_reports("matte")[0]["error"]
    assert "matte 1: " in run("list")[1]


def test_a_session_cuts_with_the_adopted_network() -> None:
    import depthmatte as dm

    keep(OTHER)
    with dm.Session() as session, pytest.raises(WeightsError, match="a depth network, but"):
        session.network("matte")
    with dm.Session(matte_network="shipped:matte") as session:
        assert session.network("matte").contract.task == "matte"
