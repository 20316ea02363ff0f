"""An address in the form of USPS Publication 28, read a second time from docs/addresses.md.

Belongs here: number, unit, street and how far the reading went. Does not belong here: the publication's tables
(`street_words`). Nothing here asks whether an address exists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from auditor.street_words import DIRECTIONS, KEY_WORDS, LONE_UNITS, SUFFIXES, UNIT_DESIGNATORS

PART = r"[0-9]+(?:\.[0-9]+)?(?: 1/2)?[A-Z]{0,2}"
NUMBER = re.compile(rf"(?P<number>{PART}(?:-(?:{PART}|[A-Z]))*)-?(?= |$)")
REAR_LETTER = re.compile(r"(?<=[0-9]) ([A-DF-MO-RT-VX-Z]) (?=[A-Z0-9]{2,}.* |[A-Z]+ [A-Z]{2,})")  # no direction
AMBIGUOUS = re.compile(r"(?P<number>[0-9]+[A-Z]?) ?(?:\([0-9]+\)|[&,] ?[0-9]+)(?= |$)")
HIDDEN_UNIT = re.compile(r"(?<=[A-Z])-([0-9][0-9A-Z]*)$")
NO_STREET_ADDRESS = re.compile(r"(?:P ?\.?O ?\.? BOX|RR [0-9]+ BOX|HC [0-9]+ BOX|GENERAL DELIVERY)\b")
# Not every word of the publication is likely to end a street's name; these are, so what follows them is a remainder.
PLAIN_SUFFIXES = frozenset(
    {"ST", "AVE", "RD", "DR", "PL", "CT", "TER", "LN", "BLVD", "HWY", "PKWY", "CIR", "SQ", "WAY"}
)
HALF = ".5"


@dataclass(frozen=True, slots=True)
class Address:
    """The delivery line, the line for comparing (no unit), and how far the reading went."""

    line: str | None
    key: str | None
    status: str


@dataclass(slots=True)
class _Reading:
    number: str = ""
    unit: str = ""
    flaw: bool = False


def standardize(text: str | None) -> Address:
    """The standardized form of an address text."""
    rest = " ".join((text or "").upper().split())
    if not rest:
        return Address(None, None, "unparsed")
    reading = _Reading()
    if NO_STREET_ADDRESS.match(rest):
        return Address(rest, rest, "partial")
    rest = _without_unit(rest, reading)
    rest = _without_number(rest, reading)
    words = _street(rest.split(), reading)
    if not words:
        return Address(None, None, "unparsed")
    plain = " ".join(filter(None, [reading.number, *words]))
    key = " ".join(KEY_WORDS.get(word, word) for word in plain.split())
    line = f"{plain} {reading.unit}".strip()
    return Address(line, key, "partial" if reading.flaw else "standardized")


def _without_unit(rest: str, reading: _Reading) -> str:
    head, pound, unit = rest.partition("#")
    if pound:
        unit = unit.strip()
        reading.unit = LONE_UNITS.get(unit, f"# {unit}" if unit else "")
        return head.replace(f" {unit} ", " ").strip() if "/" in unit and unit != "1/2" else head.strip()
    if match := HIDDEN_UNIT.search(rest):
        reading.unit = f"# {match[1]}"
        return rest[: match.start()]
    words = rest.split()
    if words[0] == "REAR" and len(words) > 1:
        reading.unit = "REAR"
        return " ".join(words[1:])
    return _without_trailing_unit(words, reading)


def _without_trailing_unit(words: list[str], reading: _Reading) -> str:
    if len(words) > 2 and words[-2] in UNIT_DESIGNATORS and words[-3] in SUFFIXES:
        reading.unit = f"{UNIT_DESIGNATORS[words[-2]]} {words[-1]}"
        return " ".join(words[:-2])
    if len(words) > 2 and words[-1] in LONE_UNITS and words[-2] in SUFFIXES:
        reading.unit = LONE_UNITS[words[-1]]
        return " ".join(words[:-1])
    if len(words) > 3 and words[-2] in SUFFIXES and re.fullmatch(r"[A-Z]*[0-9]+[A-Z]*", words[-1]):
        reading.unit = f"# {words[-1]}"
        return " ".join(words[:-1])
    return " ".join(words)


def _without_number(rest: str, reading: _Reading) -> str:
    if rest.startswith("0REAR "):
        reading.unit = reading.unit or "REAR"
        rest = "0 " + rest.removeprefix("0REAR ")
    rest = re.sub(r"^0ONE(?= )", "1", rest)
    rest = re.sub(r"(?<=[0-9])- (?=[0-9])", "-", rest)
    rest = REAR_LETTER.sub(r"\1 ", rest, count=1) if rest[:1].isdigit() else rest
    if match := AMBIGUOUS.match(rest):
        reading.flaw = True
    else:
        match = NUMBER.match(rest)
    if match is None:
        reading.flaw = True
        return rest
    number = match["number"]
    if number.strip("0") == "":
        reading.flaw = True
    else:
        reading.number = "-".join(_halves(part) for part in number.lstrip("0").split("-"))
    return rest[match.end() :].strip()


def _halves(part: str) -> str:
    return part.removesuffix(HALF) + " 1/2" if part.endswith(HALF) else part


def _street(words: list[str], reading: _Reading) -> list[str]:
    words = ["PARK" if word == "PK" else word for word in words]
    post = []
    if len(words) > 2 and words[-1] in DIRECTIONS and words[-2] in SUFFIXES:
        post = [DIRECTIONS[words.pop()]]
    suffix = []
    if len(words) > 1 and words[-1] in SUFFIXES:
        suffix = [SUFFIXES[words.pop()]]
        while len(words) > 1 and SUFFIXES.get(words[-1]) == suffix[0]:
            words.pop()
    elif any(SUFFIXES.get(word) in PLAIN_SUFFIXES for word in words[1:]):
        reading.flaw = True
    if len(words) > 1 and words[0] in DIRECTIONS and suffix and len(words[0]) != 1:
        words[0] = DIRECTIONS[words[0]]
    return [*words, *suffix, *post]
