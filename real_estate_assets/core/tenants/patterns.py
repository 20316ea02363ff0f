"""Regular expressions of a column map: Rust's grammar, whose matching takes linear time, so no pattern can hang.

Belongs here: judging a pattern before any file is read. Polars compiles it, as it will when it is used.
"""

from __future__ import annotations

MAX_LENGTH = 200


def check_pattern(pattern: str) -> None:
    """Raises ValueError where a pattern is too long, does not compile, or has no group to take a part by."""
    import polars as pl

    if len(pattern) > MAX_LENGTH:
        raise ValueError(f"a pattern may have at most {MAX_LENGTH} characters, this one has {len(pattern)}")
    try:
        groups = pl.Series([""]).str.extract_groups(pattern)
        pl.Series(["x"]).str.extract(pattern, 1)
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"the pattern '{pattern}' does not compile (look-around and back-references do not exist): {reason}"
        ) from None
    if not isinstance(groups.dtype, pl.Struct) or not groups.dtype.fields:
        raise ValueError(f"the pattern '{pattern}' has no group: put the part you want between ( and )")
