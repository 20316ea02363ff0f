"""What the record of the run says of the tables that features are computed from.

Belongs here: the shape that Dagster's event log is read into. Does not belong here: reading it (`defs/features`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """Of one tenant. run_ids: runs of the latest materializations of the marts that rows are made of.

    trust_mean, trust_p10: of all cells of its dim_properties, 0 to 1; None where nothing was recorded.
    """

    run_ids: Sequence[str]
    trust_mean: float | None
    trust_p10: float | None
