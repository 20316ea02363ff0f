"""The answer to `reos why --json`: what `prov.why` said, with the raw records and the links of the runs added.

Belongs here: the keys that are added. Does not belong here: the keys of `prov.why` (migrations).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from real_estate_assets.core.provenance.explanation import Why


def why_json(answer: Why, run_link: Callable[[str], str | None]) -> str:
    """Indented JSON. Added: property, raw_records (by evidence number), runs (id and link or null)."""
    import orjson

    added: dict[str, Any] = {
        "property": None if answer.subject is None else asdict(answer.subject),
        "raw_records": {str(one.evidence_no): asdict(one.raw) for one in answer.evidence if one.raw is not None},
        "runs": [{"run_id": run_id, "link": run_link(run_id)} for run_id in answer.run_ids],
    }
    return orjson.dumps({**answer.document, **added}, option=orjson.OPT_INDENT_2, default=str).decode()
