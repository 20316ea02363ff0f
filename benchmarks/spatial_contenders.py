"""Ways to find which of many points lie in which of some polygons, each giving (point, zone) pairs.

Belongs here: one contender a function, each at its best: inputs already in its own form, indexes built in the timed
part because a join builds them. Does not belong here: data, rounds, verdicts (`hazard_join.py`).
"""

from __future__ import annotations

import importlib.util
import time
from typing import Any

import geopandas
import numpy as np
import shapely

from benchmarks.measure import Contender
from real_estate_assets.core.hazards.point_join import point_in_zones

Pairs = tuple[Any, Any]


def fresh(zones: Any) -> Any:
    """The same zones without any cache of GEOS: a zone that was prepared once would be quicker the next time."""
    return shapely.from_wkb(shapely.to_wkb(zones))


def ours(x: Any, y: Any, zones: Any) -> Contender:
    """The platform's grid join."""
    return Contender("point_in_zones", lambda: fresh(zones), lambda own: point_in_zones(x, y, own))


def geopandas_sjoin(x: Any, y: Any, zones: Any) -> Contender:
    """geopandas.sjoin, point objects made beforehand, without an index that an earlier join left behind."""

    def frames() -> tuple[Any, Any]:
        points = geopandas.GeoDataFrame(geometry=shapely.points(x, y), crs=4326)
        return points, geopandas.GeoDataFrame(geometry=fresh(zones), crs=4326)

    def join(own: tuple[Any, Any]) -> Pairs:
        points, outlines = own
        joined = points.sjoin(outlines, predicate="within")
        return joined.index.to_numpy(), joined["index_right"].to_numpy()

    return Contender("geopandas.sjoin", frames, join)


def strtree(x: Any, y: Any, zones: Any) -> Contender:
    """shapely.STRtree over points or over zones, whichever is quicker on a fiftieth of the points."""
    sample = shapely.points(x[::50], y[::50])

    def over_points(some: Any, own: Any) -> Pairs:
        zone, point = shapely.STRtree(some).query(own, predicate="contains")
        return point, zone

    def over_zones(some: Any, own: Any) -> Pairs:
        point, zone = shapely.STRtree(own).query(some, predicate="within")
        return point, zone

    def seconds(way: Any) -> float:
        own = fresh(zones)
        started = time.perf_counter()
        way(sample, own)
        return time.perf_counter() - started

    quicker = min((over_points, over_zones), key=seconds)
    side = "points" if quicker is over_points else "zones"
    return Contender(f"STRtree over {side}", lambda: (shapely.points(x, y), fresh(zones)), lambda own: quicker(*own))


def sedonadb(x: Any, y: Any, zones: Any) -> Contender:
    """SedonaDB's spatial join on one partition, geometries in memory."""
    import polars
    from sedonadb import connect

    engine = connect()
    engine.sql("set datafusion.execution.target_partitions = 1")
    numbered = polars.DataFrame({"point": np.arange(len(x)), "x": x, "y": y})
    outlines = polars.DataFrame({"zone": np.arange(len(zones)), "wkb": list(shapely.to_wkb(zones))})
    engine.create_data_frame(numbered).to_view("numbered")
    engine.create_data_frame(outlines).to_view("outlines")
    engine.sql("select point, ST_Point(x, y) as geom from numbered").to_memtable().to_view("points")
    engine.sql("select zone, ST_GeomFromWKB(wkb) as geom from outlines").to_memtable().to_view("zones")
    query = "select point, zone from points join zones on ST_Within(points.geom, zones.geom)"

    def join(_: None) -> Pairs:
        pairs = polars.DataFrame(engine.sql(query))
        return pairs["point"].to_numpy(), pairs["zone"].to_numpy()

    return Contender("SedonaDB", lambda: None, join)


def duckdb_spatial(x: Any, y: Any, zones: Any) -> Contender | None:
    """DuckDB's spatial join on one thread; None where the extension is not installed (it is a download of its own)."""
    if importlib.util.find_spec("duckdb") is None:
        return None
    import duckdb
    import pandas

    engine = duckdb.connect()
    try:
        engine.execute("load spatial")
    except duckdb.Error:
        return None
    numbered = pandas.DataFrame({"point": np.arange(len(x)), "x": x, "y": y})
    outlines = pandas.DataFrame({"zone": np.arange(len(zones)), "wkb": list(shapely.to_wkb(zones))})
    engine.execute("set threads = 1")
    engine.register("numbered", numbered)
    engine.register("outlines", outlines)
    engine.execute("create table points as select point, ST_Point(x, y) as geom from numbered")
    engine.execute("create table zones as select zone, ST_GeomFromWKB(wkb) as geom from outlines")
    query = "select point, zone from points join zones on ST_Within(points.geom, zones.geom)"

    def join(_: None) -> Pairs:
        pairs = engine.execute(query).fetchnumpy()
        return pairs["point"], pairs["zone"]

    return Contender("DuckDB spatial", lambda: None, join)
