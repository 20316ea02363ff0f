"""Trust of what a feature row rests on, as of the row's day: temporary tables beside those of `features_known.py`.

Belongs here: asking the functions of `prov` about all rows at once. Does not belong here: the formula (migration 0009).

Rows that are alike in all that bears on trust are one question (prov.signature_sql), as everywhere. What is known of
sources and methods is what is known now: a row of 2014 was not measured in 2014. Only the age is that of the row's day,
so a record is no day old at its own date.
  feature_trust  signature, event_on, one column a feature of group trust that reads dim_properties
  feature_sale   evidence_no, event_on, trust of a price that a record read under that evidence states
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATHS: LiteralString = """
create temporary table {name} on commit drop as
with numbered as (select signature, row_number() over () as no from (select distinct signature from {rows}) d)
select n.signature, p.root, p.reliability, p.survival_per_year, p.age_days, p.method_factor, p.confidence,
       p.checks_passed, p.checks_total, p.row_factor, p.is_recalled
from prov.paths(%(tenant)s, %(mart)s, now(),
                (select coalesce(jsonb_agg(signature order by no), '[]') from numbered), %(fields)s) p
join numbered n on n.no = p.row_no"""

# The age now less the time since the row's day is the age on that day.
_ON_DAY: LiteralString = """
prov.trust(m.model, p.reliability, p.survival_per_year,
           greatest(p.age_days - ((now() at time zone 'UTC')::date - d.event_on), 0),
           p.method_factor, p.confidence, p.checks_passed, p.checks_total, p.row_factor, p.is_recalled)"""

# What the trust of a sale depends on is the evidence of the record that states it, and nothing else of the row.
_SALES: LiteralString = """
create temporary table feature_sale_signature on commit drop as
select distinct assessor_evidence_no as evidence_no, event_on,
       jsonb_build_object('e', jsonb_build_object('sale', jsonb_build_array(assessor_evidence_no::text))) as signature
from feature_state where sale_price_usd is not null"""

_SALES_ON_DAY: LiteralString = """
create temporary table feature_sale on commit drop as
select d.evidence_no, d.event_on, min({on_day}) as trust_sale
from feature_sale_signature d
join feature_sale_path p using (signature)
cross join (select prov.model_at(now()) as model) m
group by 1, 2"""


def signature_of(connection: Any, mart: str) -> str:
    """The expression over a row `m` of a mart that holds all that its trust depends on; SQL made by the database."""
    found: str = connection.execute("select prov.signature_sql(%s)", (mart,)).fetchall()[0][0]
    return found


def trust_of_rows(connection: Any, tenant_id: str, fields: Mapping[str, str]) -> None:
    """Make feature_trust from feature_state. fields: feature -> column of dim_properties."""
    from psycopg import sql

    paths = _PATHS.replace("{name}", "feature_path").replace("{rows}", "feature_state")
    connection.execute(paths, {"tenant": tenant_id, "mart": "dim_properties", "fields": list(fields.values())})
    columns = sql.SQL(", ").join(
        sql.SQL("min({trust}) filter (where p.root = {field}) as {name}").format(
            trust=sql.SQL(_ON_DAY), field=sql.Literal(field), name=sql.Identifier(name)
        )
        for name, field in fields.items()
    )
    connection.execute(
        sql.SQL(
            "create temporary table feature_trust on commit drop as select d.signature, d.event_on, {columns}"
            " from (select distinct signature, event_on from feature_state) d"
            " join feature_path p using (signature) cross join (select prov.model_at(now()) as model) m group by 1, 2"
        ).format(columns=columns)
    )
    connection.execute("analyze feature_trust")


def trust_of_sales(connection: Any, tenant_id: str) -> None:
    """Make feature_sale from feature_state: a statement about a dated event does not grow old, but may be recalled."""
    connection.execute(_SALES)
    paths = _PATHS.replace("{name}", "feature_sale_path").replace("{rows}", "feature_sale_signature")
    connection.execute(paths, {"tenant": tenant_id, "mart": "fct_sales", "fields": ["sale_price_usd"]})
    connection.execute(_SALES_ON_DAY.replace("{on_day}", _ON_DAY))
    connection.execute("analyze feature_sale")
