"""The valuation of the demo's tenants: who has none and why, what an estimate rests on, what is not trained again.

Belongs here: promises on the stage as a whole. Does not belong here: how wrong estimates are (`valuation_accuracy.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

PREFIX = "valuation.stage"
VALUED, WITHOUT = "puget-sound", ("back-bay", "charles-river")
SAMPLE = 20  # estimates whose trust is computed a second time, cell by cell
ROUNDING = 1e-9
_UNEXPLAINED = """
select count(*) from valuation.estimate where tenant_id = {tenant}
  and (estimate_usd is null) <> (null_reason is not null)
"""
_WITHOUT_EVIDENCE = """
select count(*) from valuation.estimate e
left join valuation.model m on m.tenant_id = {tenant} and m.model_id = e.model_id
left join features.property_features f
  on f.tenant_id = {tenant} and f.property_id = e.property_id and f.event_at = e.feature_event_at
where e.tenant_id = {tenant} and e.estimate_usd is not null and (
  m.object_sha256 is null or jsonb_array_length(m.training_files) = 0 or f.property_id is null
  or e.feature_run_ids <> f.run_ids or cardinality(e.feature_run_ids) = 0
  or (e.file_no, e.record_no, e.evidence_no) is distinct from (f.file_no, f.record_no, f.evidence_no))
"""
# A zone where the map draws more than minimal hazard: asked of the mart, not of what the valuation made of it.
_IN_A_ZONE = """
select count(*), count(*) filter (where not 'a mapped flood zone' = any (e.unlearnable))
from marts.fct_property_hazards h join valuation.estimate e on e.tenant_id = {tenant} and e.property_id = h.property_id
where h.tenant_id = {tenant} and h.peril = 'flood' and h.resolution = 'parcel' and h.zone_subtype is distinct from
  'AREA OF MINIMAL FLOOD HAZARD'
"""
_SOME = """
select property_id::text from valuation.estimate where tenant_id = {tenant} and estimate_usd is not null
order by md5(property_id::text) limit %(sample)s
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """Every tenant has an answer for every property, and every answer its grounds."""
    yield from _reasons(demo)
    yield from _flood_zones(demo)
    yield gate(f"{PREFIX}.estimates_without_evidence", demo.number(VALUED, _WITHOUT_EVIDENCE), exactly(0))
    yield _model_bytes(demo)
    yield _trust(demo)
    yield from _second_run(demo)


def _reasons(demo: Demo) -> Iterator[Gate]:
    for tenant_id in WITHOUT:
        count = "select count(*) from {0} where tenant_id = {{tenant}}"
        properties = demo.number(tenant_id, count.format("marts.dim_properties"))
        few = demo.number(
            tenant_id,
            "select count(*) from valuation.estimate where tenant_id = {tenant} and null_reason = 'too_few_sales'"
            " and model_id is null",
        )
        said = demo.number(tenant_id, "select reason from valuation.training_set where tenant_id = {tenant}")
        yield gate(f"{PREFIX}.too_few_sales.{tenant_id}", few, exactly(properties), note=str(said))
    wrong = sum(demo.number(tenant_id, _UNEXPLAINED) for tenant_id in TENANTS)
    yield gate(f"{PREFIX}.properties_without_value_or_reason", wrong, exactly(0))


def _flood_zones(demo: Demo) -> Iterator[Gate]:
    found = [demo.ask(tenant_id, _IN_A_ZONE)[0] for tenant_id in WITHOUT]
    inside, silent = (sum(row[n] for row in found) for n in (0, 1))
    yield gate(
        f"{PREFIX}.flood_zone.properties", inside, at_least(1), note="in a mapped zone of more than minimal hazard"
    )
    yield gate(
        f"{PREFIX}.flood_zone.silent", silent, exactly(0), note="of which the answer does not say that none was learned"
    )


def _model_bytes(demo: Demo) -> Gate:
    """Whether the bytes that the model's record names are there and hash to what it says."""
    import hashlib

    from real_estate_assets.stores.model_objects import get_model_bytes
    from real_estate_assets.stores.object_store import open_store

    query = (
        "select object_key, object_sha256 from valuation.model where tenant_id = {tenant} union all"
        " select backtest_key, backtest_sha256 from valuation.model where tenant_id = {tenant} union all"
        " select space_key, space_sha256 from valuation.model where tenant_id = {tenant}"
    )
    store, stored = open_store(demo.settings, VALUED), demo.ask(VALUED, query)
    wrong = [key for key, sha256 in stored if hashlib.sha256(get_model_bytes(store, key)).hexdigest() != sha256]
    return gate(f"{PREFIX}.model_objects_not_themselves", len(wrong), exactly(0), note=f"of {len(stored)} objects")


def _trust(demo: Demo) -> Gate:
    """Trust of some estimates, computed again from what `prov.why` says of each input cell."""
    differing = []
    for (property_id,) in demo.ask(VALUED, _SOME, {"sample": SAMPLE}):
        asked = {"property": property_id}
        told = demo.ask(VALUED, "select trust, share_within_10pct from valuation.trust({tenant}, %(property)s)", asked)[
            0
        ]
        again = told[1] * _mean_trust(demo, asked)
        if abs(told[0] - again) > ROUNDING:
            differing.append(f"{property_id}: {told[0]}, cell by cell {again}")
    return gate(
        f"{PREFIX}.trust_not_of_its_inputs", len(differing), at_most(0),
        note="; ".join(differing[:3]) or f"of {SAMPLE} estimates, each input asked of prov.why",
    )  # fmt: skip


def _mean_trust(demo: Demo, asked: dict[str, Any]) -> float:
    cells = demo.ask(
        VALUED,
        "select i.weight, (prov.why({tenant}, %(property)s::uuid, i.mart || '.' || i.field) ->> 'trust')::float"
        " from valuation.input_trust({tenant}, %(property)s) i where i.mart = 'dim_properties'",
        asked,
    )
    known = [(weight, trust) for weight, trust in cells if trust is not None]
    return float(sum(weight * trust for weight, trust in known) / sum(weight for weight, _ in known))


def _second_run(demo: Demo) -> Iterator[Gate]:
    """Fits of a second run on unchanged input, forced, and whether it says the same."""
    from unittest.mock import patch

    from real_estate_assets.cli.running import run_stage
    from real_estate_assets.core.valuation import boosting
    from real_estate_assets.defs.stages import PLAN

    planned = next(one for one in PLAN if one.name == "valuation")
    said = (
        "select md5(string_agg(e::text, '|' order by property_id)) from valuation.estimate e where tenant_id = {tenant}"
    )
    before = [demo.number(tenant_id, said) for tenant_id in TENANTS]
    with patch.object(boosting, "_fit", wraps=boosting._fit) as fitted:
        runs = list(run_stage(demo.instance, demo.warehouse, planned, TENANTS, force=True))
    failed = {tenant: error for run in runs for tenant, error in run.failed.items()}
    after = [demo.number(tenant_id, said) for tenant_id in TENANTS]
    yield gate(f"{PREFIX}.second_run.failed", len(failed), exactly(0), note="; ".join(failed.values()))
    yield gate(f"{PREFIX}.second_run.models_fitted", fitted.call_count, exactly(0), note="input unchanged, run forced")
    changed = sum(old != new for old, new in zip(before, after, strict=True))
    yield gate(f"{PREFIX}.second_run.tenants_that_changed", changed, exactly(0), note="every column of every estimate")
