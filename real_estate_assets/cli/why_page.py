"""The answer to `reos why` as a page that can be read in a browser and printed on A4.

Belongs here: what the template is given. Does not belong here: the template's form (`templates/why.html.j2`), the
answer and its words. The page stands alone: no script, no picture, no address of another server.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.provenance import wording
from real_estate_assets.core.provenance.explanation import Evidence, Why
from real_estate_assets.core.provenance.raw_record import excerpt

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).with_name("templates")
RAW_ROOM = 1_400  # characters of a record that are printed


def why_page(answer: Why, run_link: Callable[[str], str | None] = lambda _: None) -> str:
    """A whole HTML document. run_link: the address of a run in Dagster's UI, None where it does not run."""
    failed = [check for check in answer.checks if check.passed is False]
    return _template().render(
        why=answer,
        say=wording,
        name=_name(answer),
        sources=[_source(one) for one in answer.evidence],
        failed=failed,
        passed_row_checks=[check for check in answer.checks if check.passed and check.scope == "row"],
        runs=[(run_id, run_link(run_id)) for run_id in answer.run_ids],
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Escaping is on for every value: a source's text may hold anything.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("why.html.j2")


def _name(answer: Why) -> str:
    peril = f"[{answer.key['peril']}]" if "peril" in answer.key else ""
    return answer.field if answer.mart == "dim_properties" else f"{answer.mart}.{answer.field}{peril}"


def _source(one: Evidence) -> dict[str, Any]:
    """One evidence with its record cut into pieces: (text, is it a cell that fed the value)."""
    if one.raw is None or one.raw.text is None:
        return {"evidence": one, "pieces": [], "left_out": 0}
    shown, marks, left_out = excerpt(one.raw, RAW_ROOM)
    pieces, position = [], 0
    for start, end in marks:
        pieces += [(shown[position:start], False), (shown[start:end], True)]
        position = end
    pieces.append((shown[position:], False))
    return {"evidence": one, "pieces": [piece for piece in pieces if piece[0]], "left_out": left_out}
