"""dim_parcels: the polygon of a parcel number.

Belongs here: this mart's cells. Does not belong here: how a place is made (`auditor.places`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.places import Place
from auditor.rules.base import NoSuchRowError, RowRules, Support, supported
from auditor.rules.properties import REPAIRED_SHARE, place_support

LOCATED = ("geom_4326", "point_4326", "parcel_area_m2", "piece_count", "is_repaired")


class ParcelRow(RowRules):
    """One parcel number with a polygon."""

    METHODS: ClassVar = {**dict.fromkeys(LOCATED, "location"), "property_count": "derived"}
    FIELDS: ClassVar = {
        "county_fips": lambda self: self.place and self.row["county_fips"],
        "parcel_number": lambda self: self.place and self.row["parcel_number"],
        "geom_4326": lambda self: self.place.shape,
        "point_4326": lambda self: self.place.point,
        "parcel_area_m2": lambda self: self.place.area_m2,
        "piece_count": lambda self: self.place.piece_count,
        "is_repaired": lambda self: self.place.is_repaired,
        "property_count": lambda self: len(self.desk.properties.on_parcel.get(self.parcel, [])),
        **supported("parcel_geometry_evidence_no", "parcel_geometry_record_no"),
    }

    @property
    def parcel(self) -> tuple[str, str]:
        """County and parcel number."""
        return self.row["county_fips"], self.row["parcel_number"]

    @cached_property
    def place(self) -> Place:
        """The parcel's polygon by the newest layer that has its number."""
        place = self.desk.places.of(self.parcel)
        if place is None or place.shape is None:
            raise NoSuchRowError(f"no parcel layer of the tenant has a polygon of {self.row['parcel_number']}")
        self.tolerance = REPAIRED_SHARE if place.is_repaired else None
        return place

    @cached_property
    def supports(self) -> list[Support]:
        """The first piece that carries the number."""
        return [place_support("parcel_geometry", self.place)]
