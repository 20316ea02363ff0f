"""Date formats: a small part of strftime's directives, read as a pattern, so that every reader parses the same.

Belongs here: which directives exist and the pattern they mean. Numbers may lack their leading zero (`7/5/2005` fits
`%m/%d/%Y`); a time of day is checked for its form and left out. `%y` pivots as POSIX says: 69-99 are 19xx.
"""

from __future__ import annotations

import re

MAX_LENGTH = 60
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january|february|march|april|may|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
)
# (?P<name>) works in Python and in Rust alike. Where digits run together (`%y%m%d`) each part has its full width.
_DIRECTIVES = {
    "Y": r"(?P<year>[0-9]{4})",
    "y": r"(?P<year2>[0-9]{2})",
    "m": r"(?P<month>[0-9]{1,2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "b": rf"(?P<month_name>(?i:{_MONTH_NAMES}))",
    "B": rf"(?P<month_name>(?i:{_MONTH_NAMES}))",
    "H": r"(?:[01]?[0-9]|2[0-4])",
    "I": r"(?:0?[1-9]|1[0-2])",
    "M": r"[0-5]?[0-9]",
    "S": r"(?:[0-5]?[0-9]|60)",
    "f": r"[0-9]{1,9}",
    "p": r"(?i:am|pm)",
    "z": r"(?:Z|[+-][0-9]{2}:?[0-9]{2})",
}
_FIXED_WIDTH = {
    "m": r"(?P<month>[0-9]{2})",
    "d": r"(?P<day>[0-9]{2})",
    "H": r"[0-9]{2}",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
}
_YEARS, _MONTHS_OF, _DAYS = {"Y", "y"}, {"m", "b", "B"}, {"d"}


def check_date_format(date_format: str) -> None:
    """Raises ValueError, which names the fault, where a format is not understood or does not make a whole date."""
    date_pattern(date_format)


def date_pattern(date_format: str) -> str:
    """The anchored pattern of a format, with the groups year or year2, month or month_name, and day.

    Raises ValueError for an unknown directive, a part that is missing or stands twice, or a format too long.
    """
    if len(date_format) > MAX_LENGTH:
        raise ValueError(f"a date format may have at most {MAX_LENGTH} characters")
    pieces = re.findall(r"%.|%$|[^%]+", date_format, flags=re.DOTALL)
    used = [piece[1:] for piece in pieces if piece.startswith("%")]
    for directive in used:
        if directive not in _DIRECTIVES:
            allowed = " ".join(f"%{d}" for d in _DIRECTIVES)
            raise ValueError(f"'%{directive}' in the date format '{date_format}' is not known; allowed: {allowed}")
    for part, directives in (("year", _YEARS), ("month", _MONTHS_OF), ("day", _DAYS)):
        count = sum(1 for directive in used if directive in directives)
        if count != 1:
            raise ValueError(f"the date format '{date_format}' must have exactly one {part}, it has {count}")
    return "^" + "".join(_piece_pattern(piece, i, pieces) for i, piece in enumerate(pieces)) + "$"


def _piece_pattern(piece: str, i: int, pieces: list[str]) -> str:
    if not piece.startswith("%"):
        return re.escape(piece)
    neighbours = pieces[i - 1 : i] + pieces[i + 1 : i + 2]
    runs_together = any(n.startswith("%") for n in neighbours)
    directive = piece[1:]
    return _FIXED_WIDTH.get(directive, _DIRECTIVES[directive]) if runs_together else _DIRECTIVES[directive]
