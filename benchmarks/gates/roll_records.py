"""The demo's records of three files about the same properties, and how often two of them agree.

Belongs here: reading Cambridge's rolls of FY2013 and FY2014 and its property database of FY2025 out of the warehouse,
and agreement of a pair of them in two halves of the parcels. Does not belong here: predictions and promises
(`trust_calibration.py`), and what agreement is (`core/provenance/agreement.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.gates.demo import Demo

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.provenance.agreement import Comparison
    from real_estate_assets.defs.trust.pairing import Pair

TENANT, KIND = "charles-river", "assessor_roll"
OLDER, NEWER, LATER = "tax_fy13.csv.gz", "tax_fy14.csv.gz", "property_database_fy2025.csv.gz"
GROSS, LIVING = "gross_area_sqft", "living_area_sqft"


@dataclass(frozen=True)
class Look:
    """Agreement of two files `years` apart, counted in two halves of the parcels: the same halves for every look."""

    years: float
    halves: tuple[pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Records:
    """One frame a file: one row a property, with its part of the properties and its failed checks.

    one_year, eleven_years: the pairs, with the fields that both files state.
    """

    frames: dict[str, pl.DataFrame]
    one_year: Pair
    eleven_years: Pair
    compare: dict[str, Comparison]

    @classmethod
    def read(cls, demo: Demo) -> Records:
        """All three files. Raises LookupError naming a pair that the tenant's files do not make."""
        from real_estate_assets.core.provenance.agreement import comparisons
        from real_estate_assets.defs.trust.pairing import later_looks, property_files, successive
        from real_estate_assets.stores.warehouse import calibration, evidence

        compare = comparisons(calibration.field_tolerances(demo.warehouse))
        files = property_files(evidence.files(demo.warehouse, TENANT))
        one_year = _pair_of(successive(files, compare), OLDER, NEWER)
        eleven_years = _pair_of(later_looks(files, compare), NEWER, LATER)
        fields = sorted({*one_year.fields, *eleven_years.fields, GROSS, LIVING})
        frames = {
            name_of(file.uri): calibration.property_records(demo.warehouse, TENANT, file.file_no, fields)
            for file in (one_year.older, one_year.newer, eleven_years.newer)
        }
        return cls(frames, one_year, eleven_years, compare)

    def look(self, pair: Pair, fields: Sequence[str]) -> Look:
        """How often the newer file says what the older one said, by field, part of the properties and failed check."""
        from real_estate_assets.core.provenance.agreement import agreement_counts
        from real_estate_assets.core.provenance.row_checks import row_checks

        older, newer = self.frames[name_of(pair.older.uri)], self.frames[name_of(pair.newer.uri)]
        half = older["parcel_number"].map_elements(half_of, return_dtype=int)
        one, other = (
            agreement_counts(older.filter(half == number), newer, self.compare, row_checks(), fields=fields)
            for number in (0, 1)
        )
        return Look(pair.years, (one, other))

    def mapped_wrongly(self) -> Records:
        """As if the property database's living area had been mapped to gross area."""
        import polars as pl

        later = self.frames[LATER].with_columns(pl.col(LIVING).alias(GROSS))
        return replace(self, frames={**self.frames, LATER: later})


def name_of(uri: str) -> str:
    """The file's own name."""
    return uri.rsplit("/", 1)[-1]


def half_of(parcel_number: str) -> int:
    """0 or 1, the same for a parcel in every run and every file."""
    return hashlib.sha256(parcel_number.encode()).digest()[-1] % 2


def _pair_of(pairs: Iterable[Pair], older: str, newer: str) -> Pair:
    for pair in pairs:
        if (name_of(pair.older.uri), name_of(pair.newer.uri)) == (older, newer):
            return pair
    raise LookupError(f"{TENANT} has no pair of {older} and {newer} to compare: is one of them missing or refused?")
