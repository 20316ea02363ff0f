"""The one-row summary of a file that batch rules look at: how much came, how much of it is usable, what got lost.

Belongs here: the measures, how they follow from counts, and how one is put into words. Does not belong here: counting
(`stores/warehouse/file_summary.py`) and the limits, which are rules (`expectations/`).

A measure that does not apply is None, and a rule on it holds: a first vintage has nothing to be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from real_estate_assets.core.records.fields import RecordType

# A column counts as filled in the vintage before from this share on, and as lost now below the other.
FILLED_SHARE, LOST_SHARE = 0.5, 0.05
# A column counts as misread when most of its text, and not just a stray cell or two, could not be parsed.
MISREAD_CELLS = 20

# At least one of these has to be there for a record to say what it speaks of.
KEY_COLUMNS: Mapping[RecordType, tuple[str, ...]] = {
    "property": ("parcel_number", "account_number"),
    "parcel": ("parcel_number",),
    "owner": ("parcel_number", "account_number"),
    "hazard_zone": (),
}
# Two records of a file that agree in all of these say the same thing twice. A condominium's units share a parcel number
# and differ in unit or address; a property sold twice differs in the date; a parcel's pieces are dissolved later.
REPEAT_COLUMNS: Mapping[RecordType, tuple[str, ...]] = {
    "property": (
        "county_fips",
        "parcel_number",
        "unit_number",
        "account_number",
        "building_number",
        "address_raw",
        "sale_date",
    ),
    "parcel": ("county_fips", "parcel_number"),
    "owner": ("county_fips", "parcel_number", "unit_number", "account_number", "owner_name_raw"),
    "hazard_zone": (),
}

MEASURES: Mapping[str, str] = {
    "rows_read": "rows that could be read",
    "unreadable_share": "share of rows that could not be read",
    "quarantined_share": "share of rows in quarantine",
    "keyless_share": "share of rows without a key",
    "repeated_key_share": "share of rows that repeat another row's key",
    "row_count_ratio": "rows, compared with the vintage before",
    "columns_lost": "columns that were filled in the vintage before and are empty now",
    "columns_misread": "columns whose text mostly could not be parsed",
}


@dataclass(frozen=True, slots=True)
class FileSummary:
    """Counts of one file after its row rules have run. Rows are records of the source file.

    rows_in: all of them; rows_read: those in the heap; rows_quarantined: those with an entry in quarantine so far;
    rows_without_key, rows_repeating_key: of rows_read, None where the record type has no key; previous_rows: rows in of
    the vintage before, None for a first one.
    """

    rows_in: int
    rows_read: int
    rows_quarantined: int
    rows_without_key: int | None = None
    rows_repeating_key: int | None = None
    previous_rows: int | None = None
    columns_lost: tuple[str, ...] = ()
    columns_misread: tuple[str, ...] = ()

    def measures(self) -> dict[str, float | int | None]:
        """The summary as the one row that batch rules are run on: name -> number, in the order of `MEASURES`."""
        return {
            "rows_read": self.rows_read,
            "unreadable_share": _share(self.rows_in - self.rows_read, self.rows_in),
            "quarantined_share": _share(self.rows_quarantined, self.rows_in),
            "keyless_share": _share(self.rows_without_key, self.rows_read),
            "repeated_key_share": _share(self.rows_repeating_key, self.rows_read),
            "row_count_ratio": _share(self.rows_in, self.previous_rows),
            "columns_lost": len(self.columns_lost),
            "columns_misread": len(self.columns_misread),
        }

    def observed(self, measure: str) -> str:
        """What was found, in words and with the counts behind it. Names columns, never a value of a cell."""
        value = self.measures()[measure]
        if value is None:
            return f"{MEASURES[measure]}: does not apply"
        if measure == "row_count_ratio":
            return f"{self.rows_in:,} rows, {self.previous_rows:,} in the vintage before ({value - 1:+.1%})"
        if measure in ("columns_lost", "columns_misread"):
            return f"{MEASURES[measure]}: {', '.join(getattr(self, measure)) or 'none'}"
        if measure == "rows_read":
            return f"{self.rows_read:,} of {self.rows_in:,} rows could be read"
        return f"{MEASURES[measure]}: {value:.1%} ({self._counted(measure):,} of {self._counted_of(measure):,})"

    def _counted(self, measure: str) -> int:
        return {
            "unreadable_share": self.rows_in - self.rows_read,
            "quarantined_share": self.rows_quarantined,
            "keyless_share": self.rows_without_key or 0,
            "repeated_key_share": self.rows_repeating_key or 0,
        }[measure]

    def _counted_of(self, measure: str) -> int:
        return self.rows_in if measure in ("unreadable_share", "quarantined_share") else self.rows_read


def lost_columns(before: Mapping[str, float], now: Mapping[str, float]) -> tuple[str, ...]:
    """Columns filled in at least half of the rows before and in under 5 % now. Both: column -> share of rows filled."""
    return tuple(c for c, share in before.items() if share >= FILLED_SHARE and now.get(c, 0.0) < LOST_SHARE)


def misread_columns(unparseable: Mapping[str, int], filled: Mapping[str, int]) -> tuple[str, ...]:
    """Columns of which more cells could not be parsed than could. Both: column -> cells; see `MISREAD_CELLS`."""
    return tuple(sorted(c for c, n in unparseable.items() if n >= MISREAD_CELLS and n > filled.get(c, 0)))


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole
