"""A recall is told to the tenants it concerns: each sees its own cells, and only the operator takes a file back."""

from __future__ import annotations

import psycopg
import pytest

from real_estate_assets.stores.warehouse import recall

from .seeding import TENANTS, Estate

HOME, OTHER = "birch", "acme-tx"
MAP = (
    "insert into prov.field_map (mart, field, field_group, method) values"
    " ('dim_properties', 'note', 'assessor', 'copy'), ('dim_properties', 'parcel_no', 'assessor', 'copy'),"
    " ('dim_properties', 'assessor_evidence_no', 'provenance', 'copy') on conflict do nothing"
)
IMPACT = "select sum(cells) from prov.recall_impact(%s, %s, %s)"


@pytest.fixture(scope="module")
def public_file(estate: Estate) -> recall.KnownFile:
    """The public file that every tenant's evidence 1, and so every row of their mart, rests on."""
    with estate.warehouse.as_owner() as owner:
        owner.execute(MAP)
        sha256 = owner.execute("select sha256 from prov.public_file limit 1").fetchall()[0][0]
        owner.execute("update prov.evidence set public_sha256 = %s, file_no = null where evidence_no = 1", (sha256,))
    return recall.find_file(estate.warehouse, sha256)


def test_the_operator_sees_every_tenant_and_each_tenant_itself(estate: Estate, public_file: recall.KnownFile) -> None:
    everyone = recall.impact(estate.warehouse, public_file)
    assert {one.tenant_id for one in everyone} == set(TENANTS)
    assert {(one.mart, one.field_group, one.way, one.cells) for one in everyone} == {
        ("dim_properties", "assessor", "direct", 402)
    }
    assert recall.impact_for(estate.warehouse, HOME, public_file) == [o for o in everyone if o.tenant_id == HOME]


def test_asking_for_another_tenant_answers_nothing(estate: Estate, public_file: recall.KnownFile) -> None:
    with estate.warehouse.as_app(HOME) as app, psycopg.connect(estate.analyst_dsn(HOME), autocommit=True) as analyst:
        for login in (app, analyst):
            assert login.execute(IMPACT, (HOME, None, public_file.sha256)).fetchall() == [(402,)]
            assert login.execute(IMPACT, (OTHER, None, public_file.sha256)).fetchall() == [(None,)]
            assert login.execute(IMPACT, (OTHER, 1, None)).fetchall() == [(None,)]
            assert login.execute("select * from prov.supported_by(%s, 1, null)", (OTHER,)).fetchall() == []


def test_no_login_but_the_owner_marks_or_restores(estate: Estate, public_file: recall.KnownFile) -> None:
    mark = "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values ('birch', 1, 'because', 'me')"
    with estate.warehouse.as_app(HOME) as app, psycopg.connect(estate.analyst_dsn(HOME), autocommit=True) as analyst:
        analyst.execute("set default_transaction_read_only = off")  # refusals must come from privileges
        for login in (app, analyst):
            for statement in (mark, "update prov.recall set restored_at = now()", "delete from prov.public_recall"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    login.execute(statement)
