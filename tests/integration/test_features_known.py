"""Which record describes a property on which day, and when a layer is known: random histories, and a plain reckoning.

The statements of `features_known.py` run as they are, over temporary tables of random records, places and hazards.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from real_estate_assets.stores.warehouse.features_known import EVENTS

START = dt.date(2012, 1, 1)
PROPERTY = UUID(int=7)
# (day on which the record is known, preference as the whole history ranks it): both distinct within a property
histories = st.lists(st.integers(0, 9), min_size=1, max_size=6).flatmap(
    lambda days: st.tuples(st.just(days), st.permutations(range(1, len(days) + 1)))
)
days_or_none = st.none() | st.integers(0, 12)


@pytest.fixture(scope="module")
def connection(module_warehouse_db: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(module_warehouse_db.dsn("owner"), autocommit=True) as opened:
        yield opened


def day(number: int | None) -> dt.date | None:
    return None if number is None else START + dt.timedelta(days=number)


def plant(
    connection: Any, records: list[tuple[int, int]], place: int | None, stated: bool, layers: list[int | None]
) -> None:
    """The temporary tables that the statement reads, as `prepare` makes them."""
    connection.execute(
        "create temporary table feature_record (property_id uuid, event_on date, preference integer, county_fips text,"
        " parcel_number text, has_coordinates boolean) on commit drop"
    )
    connection.execute(
        "create temporary table feature_place (county_fips text, parcel_number text, known_on date, is_stated boolean)"
        " on commit drop"
    )
    connection.execute(
        "create temporary table feature_hazard (property_id uuid, flood_known_on date, wildfire_known_on date,"
        " heat_known_on date) on commit drop"
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into feature_record values (%s, %s, %s, '25017', 'P', %s)",
            [(PROPERTY, day(on), preference, stated) for on, preference in records],
        )
    if place is not None:
        connection.execute("insert into feature_place values ('25017', 'P', %s, %s)", (day(place), stated))
    connection.execute("insert into feature_hazard values (%s, %s, %s, %s)", (PROPERTY, *map(day, layers)))


def reckoned(
    records: list[tuple[int, int]], place: int | None, stated: bool, layers: list[int | None]
) -> list[tuple[dt.date | None, int]]:
    """(day, preference of the record that describes the property then): the best of those known by that day."""
    first = min(on for on, _ in records)
    days = {on for on, _ in records}
    days |= {on for on in layers if on is not None and on > first}
    if place is not None and not stated and place > first:
        days.add(place)
    return [(day(on), min(preference for known, preference in records if known <= on)) for on in sorted(days)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, days_or_none, st.booleans(), st.lists(days_or_none, min_size=3, max_size=3))
def test_each_day_is_described_by_the_best_record_known_by_then(
    connection: psycopg.Connection[Any],
    history: tuple[list[int], list[int]],
    place: int | None,
    stated: bool,
    layers: list[int | None],
) -> None:
    records = list(zip(*history, strict=True))
    with connection.transaction(force_rollback=True):
        plant(connection, records, place, stated, layers)
        connection.execute(EVENTS)
        found = connection.execute("select event_on, preference from feature_event order by 1").fetchall()
    assert found == reckoned(records, place, stated, layers)
