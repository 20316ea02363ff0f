"""Reading and gating a roll of a million rows, beside a bare pandas.read_csv and COPY of the same file.

`python -m benchmarks.reading [--rows 1000000] [--rounds 3]`. The roll is Cambridge's of FY2013 (16 columns), repeated
with other parcel numbers, and read as the demo's tenant describes it: typed, bounded, nulls explained, refused rows
quarantined, every rule of the suite held against it. The peer knows none of that. Each runs in a process of its own, so
that its peak memory is its own; Postgres' is not counted for either.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.bounds import at_most
from benchmarks.measure import Result, result
from benchmarks.report import ROOT, printer, table
from benchmarks.throwaway import environment_of, throwaway_cluster
from real_estate_assets.settings import get_settings

PREFIX = "spine.reading"
ROWS = 1_000_000
ROLL, ROLL_FILE = "tax_fy13.csv.gz", "roll.csv"
SOURCE = "cambridge_assessor_roll"
PEAK = at_most(1536)
CHILD_SECONDS = 1500


def run(rows: int = ROWS, rounds: int = 3) -> list[Result]:
    """Measure both, in turn. rows: rows of the made roll; rounds: times each of them reads it."""
    with throwaway_cluster() as cluster, tempfile.TemporaryDirectory(prefix="reos-bench-roll-") as name:
        folder = Path(name)
        write_roll(folder / ROLL_FILE, rows)
        measured: dict[str, list[dict[str, Any]]] = {"platform": [], "pandas": []}
        for number in range(rounds):
            for who, runs in measured.items():
                runs.append(_child(who, folder, number, cluster.settings.state_dir))
    ours, peer = (_medians(runs) for runs in measured.values())
    for one in (ours, peer):
        if one["rows"] != rows:
            raise RuntimeError(
                f"{rows:,} rows were written and {one['rows']:,.0f} read: the two did not do the same work"
            )
    speed, peers = rows / ours["seconds"], rows / peer["seconds"]
    note = f"{ours['quarantined']:,.0f} rows quarantined; {rows / ours['cpu']:,.0f} rows a CPU second of the reader"
    return [
        result(
            f"{PREFIX}.peak_memory", ours["peak_mb"], "MB", f"pandas.read_csv + COPY {peer['peak_mb']:,.0f} MB",
            must=PEAK, note=f"{rows:,} rows of 16 columns",
        ),
        result(
            f"{PREFIX}.speed", speed, "rows/s", f"pandas.read_csv + COPY {peers:,.0f}", speed / peers, note=note,
        ),
    ]  # fmt: skip


def write_roll(path: Path, rows: int) -> None:
    """Write the roll `rows` rows long. Parcel numbers begin with the repetition's number, so that none repeats."""
    with gzip.open(ROOT / "demo" / "data" / ROLL, "rt", encoding="ascii", newline="") as packed:
        header, *body = packed.read().splitlines(keepends=True)
    body = [line for line in body if line.strip()]
    key = header.rstrip().replace('"', "").split(",").index("ML")
    with path.open("w", encoding="ascii", newline="") as roll:
        roll.write(header)
        for number in range(rows):
            repetition, row = divmod(number, len(body))
            roll.write(_with_key_of_its_own(body[row], key, repetition))


def _with_key_of_its_own(line: str, key: int, repetition: int) -> str:
    """The line with the repetition's number before its parcel number, which stands in column `key`, quoted or not."""
    fields = re.match(rf'((?:(?:"[^"]*"|[^,"]*),){{{key}}}"?)(.*)', line, re.DOTALL)
    if fields is None:
        raise ValueError(f"the roll has a line without a parcel number: {line!r}")
    return f"{fields[1]}{repetition}R{fields[2]}"


def _child(who: str, folder: Path, number: int, state_dir: Path) -> dict[str, Any]:
    """Run one reader in a fresh process; what it says of itself."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.reading",
        "--child",
        who,
        "--folder",
        str(folder),
        "--number",
        str(number),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment_of(state_dir),
        capture_output=True,
        text=True,
        check=False,
        timeout=CHILD_SECONDS,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{who} could not read the roll:\n{(done.stdout + done.stderr)[-3000:]}")
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in runs) for name in runs[0]}


def read_by_platform(folder: Path, number: int) -> tuple[int, int]:
    """Land, read and gate the roll for a tenant of its own. Returns (rows in, quarantined)."""
    from real_estate_assets.core.tenants import parse_tenant_file
    from real_estate_assets.defs.landing.landing import land
    from real_estate_assets.defs.records.reading import read_files
    from real_estate_assets.stores.object_store import open_store
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.tenants import add_tenant

    settings = get_settings()
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    tenant_id, text = f"reader-{number}", description(f"reader-{number}")
    add_tenant(warehouse, tenant_id, tenant_name=tenant_id, description=text, base_uri=folder.as_uri())
    store = open_store(settings, tenant_id)
    land(warehouse, store, parse_tenant_file(text, name="reader.yaml"), folder.as_uri())
    (reading,) = read_files(warehouse, store, tenant_id, code_version="benchmark", run_id=f"benchmark-{number}")
    if reading.error or not reading.gate_passed:
        raise RuntimeError(f"the roll was refused: {reading.error or reading.report}")
    return reading.rows_in, reading.quarantined


def description(tenant_id: str) -> str:
    """The demo tenant's own description of its roll, for this file alone."""
    from ruamel.yaml import YAML

    yaml = YAML()
    whole = yaml.load((ROOT / "demo" / "tenants" / "charles-river.yaml").read_text(encoding="utf-8"))
    (source,) = (one for one in whole["sources"] if one["name"] == SOURCE)
    source["files"] = [one for one in source["files"] if one["uri"] == ROLL]
    source["files"][0]["uri"] = ROLL_FILE
    whole["tenant"], whole["sources"] = tenant_id, [source]
    text = io.StringIO()
    yaml.dump(whole, text)
    return text.getvalue()


def read_by_pandas(folder: Path, number: int) -> tuple[int, int]:
    """The bare minimum: parse the whole file, copy it into a table of text."""
    import pandas
    import psycopg

    frame = pandas.read_csv(folder / ROLL_FILE, low_memory=False)
    columns = ", ".join(f'"{name}" text' for name in frame.columns)
    with psycopg.connect(get_settings().dsn("owner"), autocommit=True) as connection:
        connection.execute(f"create schema if not exists bare; create table bare.roll_{number} ({columns})")
        with connection.cursor().copy(f"copy bare.roll_{number} from stdin (format csv)") as copy:
            for piece in _pieces(frame):
                copy.write(piece)
    return len(frame), 0


def _pieces(frame: Any, rows: int = 50_000) -> Iterator[str]:
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows].to_csv(header=False, index=False)


def _be_the_child(who: str, folder: Path, number: int) -> None:
    """Read the roll in this process and say how that went, as one line of JSON."""
    started = time.perf_counter()
    rows, quarantined = (read_by_platform if who == "platform" else read_by_pandas)(folder, number)
    said = {"rows": rows, "quarantined": quarantined, "seconds": time.perf_counter() - started}
    print(json.dumps({**said, "cpu": time.process_time(), "peak_mb": peak_megabytes()}))


def peak_megabytes() -> float:
    """Peak resident memory of this process. Not ru_maxrss: a child takes that over from the process that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the roll (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="times each reads it (default 3)")
    for name in ("--child", "--folder", "--number"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _be_the_child(arguments.child, Path(arguments.folder), int(arguments.number))
    else:
        printer().print(table(run(arguments.rows, arguments.rounds)))


if __name__ == "__main__":
    main()
