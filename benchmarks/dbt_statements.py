"""What dbt sends to Postgres when it builds the tenants' models, and the same sent without dbt.

Belongs here: catching the statements of one real build from dbt's own log, and sending them for other tenants by plain
connections, as many at a time as dbt, in an order that its graph allows. Does not belong here: what is measured.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from real_estate_assets.settings import Settings, process_environment
from real_estate_assets.stores.dbt_process import DBT_PROJECT, build_arguments, environment, tenant_environment

THREADS = 2  # as many as dbt_project/profiles.yml gives dbt
OF_A_NODE = ("call tenancy.stage_all", "call tenancy.test_all")
_COMMENT = re.compile(r"^\s*/\*.*?\*/\s*", re.DOTALL)


@dataclass(frozen=True)
class Statements:
    """The statements of one build. by_node: model or test -> its CALL; parents: node -> the models it reads."""

    tenant_id: str
    invocation_id: str
    prepare: str
    by_node: Mapping[str, str]
    publish: str
    parents: Mapping[str, frozenset[str]]


def catch(settings: Settings, tenant_id: str) -> Statements:
    """Build one tenant with dbt and keep what it sent. Raises RuntimeError with dbt's last lines where it fails."""
    with tempfile.TemporaryDirectory(prefix="reos-bench-dbt-") as target:
        command = [
            str(Path(sys.executable).with_name("dbt")), "--log-format", "json", "--log-level", "debug",
            "--log-level-file", "none", *build_arguments(),
            "--project-dir", str(DBT_PROJECT), "--target-path", target,
        ]  # fmt: skip
        variables = process_environment({**environment(settings), **tenant_environment([tenant_id])})
        done = subprocess.run(
            command, cwd=DBT_PROJECT, env=variables, capture_output=True, text=True, check=False, timeout=600
        )
        if done.returncode != 0:
            raise RuntimeError(f"dbt ended with {done.returncode}:\n{done.stdout[-3000:]}")
        manifest = json.loads((Path(target) / "manifest.json").read_text())
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    sent = [one["data"] for one in events if one["info"]["name"] == "SQLQuery"]
    return _sorted_out(tenant_id, sent, manifest)


def _sorted_out(tenant_id: str, sent: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any]) -> Statements:
    queries = [(one.get("node_info", {}).get("unique_id", ""), _COMMENT.sub("", one["sql"]).strip()) for one in sent]
    by_node = {node: sql for node, sql in queries if sql.startswith(OF_A_NODE)}
    publish = next(sql for _, sql in queries if sql.startswith("call tenancy.publish_all"))
    invocation = re.search(r"'([0-9a-f-]{36})'", publish)
    assert invocation is not None, publish
    return Statements(
        tenant_id=tenant_id,
        invocation_id=invocation.group(1),
        prepare=next(sql for _, sql in queries if sql.startswith("select tenancy.ensure(")),
        by_node=by_node,
        publish=publish,
        parents={node: _models_read(node, by_node, manifest) for node in by_node},
    )


def _models_read(node: str, built: Mapping[str, str], manifest: Mapping[str, Any]) -> frozenset[str]:
    """The built models that a node reads, through models that are no tables."""
    found: set[str] = set()
    pending = _reads(manifest, node)
    while pending:
        one = pending.pop()
        if one in built:
            found.add(one)
        else:
            pending += _reads(manifest, one)
    return frozenset(found)


def _reads(manifest: Mapping[str, Any], node: str) -> list[str]:
    """What the manifest says a node reads; nothing for a source or a seed."""
    return list(manifest["nodes"].get(node, {}).get("depends_on", {}).get("nodes", ()))


def send(settings: Settings, statements: Statements, tenant_ids: Sequence[str]) -> None:
    """Build the tenants by the caught statements alone. Raises RuntimeError where a tenant's build fails."""
    import psycopg

    invocation, dsn = str(uuid.uuid4()), settings.dsn("owner")
    tenants = ", ".join(f"'{tenant}'" for tenant in tenant_ids)

    def execute(sql: str) -> None:
        sql = sql.replace(f"array['{statements.tenant_id}']", f"array[{tenants}]")
        # A connection a statement, as dbt does: a backend grows slow with the tables of all tenants it has touched.
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(sql.replace(statements.invocation_id, invocation))

    execute(statements.prepare)
    with ThreadPoolExecutor(THREADS) as pool:
        _in_order(statements, lambda node: pool.submit(execute, statements.by_node[node]))
    execute(statements.publish)
    with psycopg.connect(dsn, autocommit=True) as connection:
        _check(connection, invocation, len(tenant_ids))


def _in_order(statements: Statements, submit: Any) -> None:
    """Start every node as soon as the models it reads are there."""
    graph = TopologicalSorter(statements.parents)
    graph.prepare()
    running: dict[Future[None], str] = {}
    while graph.is_active():
        running |= {submit(node): node for node in graph.get_ready()}
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for one in finished:
            one.result()
            graph.done(running.pop(one))


def _check(connection: Any, invocation: str, tenants: int) -> None:
    published, failures = connection.execute(
        "select count(*) filter (where node_id = 'publish' and is_ok),"
        " string_agg(concat(tenant_id, ', ', node_id, ': ', error), '; ')"
        "   filter (where not is_ok and severity = 'error')"
        " from tenancy.outcome where invocation_id = %s",
        (invocation,),
    ).fetchall()[0]
    if published != tenants:
        raise RuntimeError(f"{published} of {tenants} tenants were published: {(failures or '')[:2000]}")
