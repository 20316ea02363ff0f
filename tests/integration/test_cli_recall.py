"""`reos recall` as a person meets it: it names what it means, asks first, and refuses what makes no sense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from real_estate_assets.cli import app, instance
from real_estate_assets.stores.warehouse import Warehouse, recall
from real_estate_assets.stores.warehouse.evidence import NewSourceFile, files, register_file
from real_estate_assets.stores.warehouse.tenants import add_tenant

SAME, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def warehouse(warehouse_db: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    """Two tenants that received the same roll, the first of them a second one."""
    made = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in ("acme", "birch"):
        add_tenant(made, tenant, tenant_name=tenant, description="x", base_uri="file:///")
        register_file(made, tenant, landed(SAME, "fy13[1].csv"))
    register_file(made, "acme", landed(OTHER, "fy14.csv"))
    monkeypatch.setattr(instance, "open_warehouse", lambda: made)
    return made


def landed(sha256: str, uri: str) -> NewSourceFile:
    return NewSourceFile(sha256, "roll", "assessor_roll", uri, "k", None, 1, "property", "csv", "l", "csv_row", {}, "e")


def reos(*arguments: str, answer: str = "") -> tuple[int, str]:
    """Exit code and output; an error of the package is raised, as `main` gets it."""
    result = CliRunner().invoke(app, ["recall", *arguments], input=answer, catch_exceptions=False)
    return result.exit_code, result.output


def test_it_shows_what_it_means_and_asks_before_it_marks(warehouse: Warehouse) -> None:
    arguments = ("fy14.csv", "--reason", "wrong year")
    code, told = reos(*arguments, answer="n\n")
    assert code == 1
    assert "acme file 2, roll, fy14.csv" in told
    assert recall.open_recalls(warehouse, "acme") == []
    code, told = reos(*arguments, answer="y\n")
    assert code == 0
    assert "No published cell rests on it." in told
    assert recall.open_recalls(warehouse, "acme") == [2]
    assert [file.file_no for file in files(warehouse, "acme")] == [1], "no stage reads it any more"


def test_several_files_of_one_name_are_listed_and_none_is_taken(warehouse: Warehouse) -> None:
    with pytest.raises(
        recall.AmbiguousFileError, match=r"(?s)acme file 1, roll.*acme file 2, roll.*birch file 1, roll"
    ):
        reos("roll", "--reason", "because", "--yes")
    with pytest.raises(recall.AmbiguousFileError, match="of acme"):
        reos("roll", "--tenant", "acme", "--reason", "because", "--yes")
    with pytest.raises(recall.UnknownFileError, match=r"no file of birch goes by 'fy14\.csv'"):
        reos("fy14.csv", "--tenant", "birch", "--reason", "because", "--yes")
    assert recall.recalls(warehouse) == []


def test_a_recall_is_listed_with_who_and_why_and_restored_once(warehouse: Warehouse) -> None:
    reos("1", "--tenant", "birch", "--reason", "withdrawn [by hand]", "--by", "ada", "--yes")
    with pytest.raises(recall.RecallError, match="is recalled already"):
        reos("1", "--tenant", "birch", "--reason", "again", "--yes")
    listed = reos("--list")[1]
    assert "birch file 1, roll, fy13[1].csv" in listed
    assert "by ada: withdrawn [by hand]" in listed
    code, told = reos(SAME[:8], "--tenant", "birch", "--restore", "--by", "bob", "--json")
    assert (code, json.loads(told)["restored"]["file_no"]) == (0, 1)
    with pytest.raises(recall.RecallError, match="nothing to restore"):
        reos("1", "--tenant", "birch", "--restore")
    (one,) = json.loads(reos("--list", "--json")[1])
    assert (one["recalled_by"], one["restored_by"], one["reason"]) == ("ada", "bob", "withdrawn [by hand]")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "which file?"),
        (("fy14.csv",), "needs --reason"),
        (("fy14.csv", "--reason", " x "), "needs --reason"),
        (("fy14.csv", "--reason", "because", "--json"), "add --yes"),
    ],
)
def test_a_command_line_that_says_too_little_is_refused(
    warehouse: Warehouse, arguments: tuple[str, ...], says: str
) -> None:
    code, told = reos(*arguments)
    assert code == 2
    assert says in told
    assert recall.recalls(warehouse) == []
