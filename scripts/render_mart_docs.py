"""Render docs/marts/*.md, one page per mart, from what dbt knows about the marts.

Belongs here: turning a dbt manifest into Markdown. Does not belong here: any description; those stand once, in
dbt_project/models (`shared_columns.md`, the marts' own docs blocks and YAML).

Run it after changing a mart; `--check` changes nothing and exits with 1 where a page is not current.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / "dbt_project"
PAGES = ROOT / "docs" / "marts"
HEAD = "<!-- Rendered by scripts/render_mart_docs.py from dbt_project; edit there. -->\n\n"

Node = Mapping[str, Any]


def parse_project(project: Path = PROJECT) -> dict[str, Any]:
    """The project's manifest, parsed anew in a folder of its own; no database is needed. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as target:
        dbt = Path(sys.executable).with_name("dbt")
        subprocess.run(
            [dbt, "--quiet", "parse", "--project-dir", project, "--profiles-dir", project, "--target-path", target,
             "--log-path", target],
            check=True,
        )  # fmt: skip
        manifest: dict[str, Any] = json.loads((Path(target) / "manifest.json").read_text())
    return manifest


def marts(manifest: Mapping[str, Any]) -> list[Node]:
    """The models in schema marts, by name."""
    nodes = (n for n in manifest["nodes"].values() if n["resource_type"] == "model" and n["schema"] == "marts")
    return sorted(nodes, key=lambda node: str(node["name"]))


def tests_of(manifest: Mapping[str, Any], mart: Node) -> list[Node]:
    """The data tests attached to a mart, by name."""
    nodes = (n for n in manifest["nodes"].values() if n.get("attached_node") == mart["unique_id"])
    return sorted(nodes, key=lambda node: str(node["name"]))


def pages(manifest: Mapping[str, Any]) -> dict[str, str]:
    """File name -> text of every page: one a mart, and README.md that lists them."""
    models = marts(manifest)
    rendered = {f"{mart['name']}.md": mart_page(mart, tests_of(manifest, mart)) for mart in models}
    rendered["README.md"] = index_page(models)
    return rendered


def index_page(models: Sequence[Node]) -> str:
    """The list of marts with the first line of each description."""
    lines = ["# Marts", "", "Tables that analysts may query, one row-level-secured partition per tenant.", ""]
    lines += ["| mart | what it holds |", "|---|---|"]
    lines += [f"| [{mart['name']}]({mart['name']}.md) | {mart['description'].splitlines()[0]} |" for mart in models]
    return HEAD + "\n".join(lines) + "\n"


def mart_page(mart: Node, tests: Sequence[Node]) -> str:
    """One mart: its docs block, its columns and what is tested about it."""
    lines = [f"# {mart['name']}", "", mart["description"].strip(), "", "## Columns", ""]
    lines += ["| column | type | null | meaning | field group |", "|---|---|---|---|---|"]
    lines += [_column_line(column) for column in mart["columns"].values()]
    lines += ["", "## Tests", "", "A failing test of severity error keeps the tenant's data as it was.", ""]
    lines += [f"- `{test['name']}`{'' if _is_error(test) else ' (warning only)'}" for test in tests]
    return HEAD + "\n".join(lines) + "\n"


def _column_line(column: Node) -> str:
    meta = column["meta"]
    is_not_null = any(constraint["type"] == "not_null" for constraint in column["constraints"])
    group = meta["field_group"]
    if meta.get("derived_from"):
        group += f", from {', '.join(f'`{name}`' for name in meta['derived_from'])}"
    cells = [f"`{column['name']}`", column["data_type"], "no" if is_not_null else "yes", column["description"], group]
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _is_error(test: Node) -> bool:
    return str(test["config"]["severity"]).lower() == "error"


def stale(rendered: Mapping[str, str], folder: Path) -> list[str]:
    """Names of pages that are missing, differ, or belong to no mart any more."""
    present = {path.name: path.read_text() for path in folder.glob("*.md")} if folder.is_dir() else {}
    return sorted(name for name in {*rendered, *present} if rendered.get(name) != present.get(name))


def write(rendered: Mapping[str, str], folder: Path) -> None:
    """Write the pages and remove those of marts that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale(rendered, folder):
        if name in rendered:
            (folder / name).write_text(rendered[name])
        else:
            (folder / name).unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Render, or with --check compare. Exit code 1: something is not current."""
    parser = argparse.ArgumentParser(description="Render docs/marts from the dbt project.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page is not current")
    options = parser.parse_args(arguments)
    rendered = pages(parse_project())
    outdated = stale(rendered, PAGES)
    if options.check and outdated:
        print(f"not current: {', '.join(outdated)}; run {Path(__file__).name}", file=sys.stderr)
        return 1
    if not options.check:
        write(rendered, PAGES)
        print(f"{len(outdated)} of {len(rendered)} pages written", file=sys.stderr)
    return os.EX_OK


if __name__ == "__main__":
    raise SystemExit(main())
