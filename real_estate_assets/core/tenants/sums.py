"""The grammar of a sum: `term (('+'|'-') term)*`, where a term is `[number '*'] column` or a number. No brackets.

A column is a bare word (letters, digits, underscore; not starting with a digit) or any text between backquotes.
Belongs here: taking a sum apart. Nothing is evaluated here and nothing can be called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

MAX_LENGTH = 300
MAX_TERMS = 12

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,12}(?:\.\d{1,12})?)|(?P<word>[^\W\d]\w*)|`(?P<quoted>[^`]+)`|(?P<operator>[+\-*]))"
)


@dataclass(frozen=True, slots=True)
class Sum:
    """Weighted columns; a column of None is a number that is added as it is."""

    terms: tuple[tuple[Decimal, str | None], ...]


def parse_sum(text: str) -> Sum:
    """Takes a sum apart. Raises ValueError, which says what was met and where, for anything but the grammar above."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a sum may have at most {MAX_LENGTH} characters")
    tokens = _tokens(text)
    terms: list[tuple[Decimal, str | None]] = []
    sign = Decimal(1)
    if tokens and tokens[0] in (("operator", "+"), ("operator", "-")):
        sign = Decimal(-1) if tokens.pop(0)[1] == "-" else sign
    while True:
        terms.append(_take_term(tokens, sign, text))
        if not tokens:
            break
        kind, operator = tokens.pop(0)
        if kind != "operator" or operator == "*":
            raise ValueError(f"expected + or - but found '{operator}' in the sum '{text}'")
        sign = Decimal(-1) if operator == "-" else Decimal(1)
    if len(terms) > MAX_TERMS:
        raise ValueError(f"a sum may have at most {MAX_TERMS} terms, this one has {len(terms)}")
    if all(column is None for _, column in terms):
        raise ValueError(f"the sum '{text}' names no column: write {{constant: ...}} instead")
    return Sum(tuple(terms))


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position:].lstrip()
            raise ValueError(
                f"'{rest[:20]}' is not part of a sum: only columns, numbers, +, - and * are "
                "(a column with other characters goes between backquotes)"
            )
        kind = match.lastgroup or ""
        found.append(("word" if kind == "quoted" else kind, match.group(kind)))
        position = match.end()
    return found


def _take_term(tokens: list[tuple[str, str]], sign: Decimal, text: str) -> tuple[Decimal, str | None]:
    if not tokens:
        raise ValueError(f"the sum '{text}' ends where a column or a number is due")
    kind, value = tokens.pop(0)
    if kind == "word":
        return sign, value
    if kind != "number":
        raise ValueError(f"expected a column or a number but found '{value}' in the sum '{text}'")
    weight = sign * Decimal(value)
    if not tokens or tokens[0] != ("operator", "*"):
        return weight, None
    tokens.pop(0)
    if not tokens or tokens[0][0] != "word":
        raise ValueError(f"after '{value}*' a column is due in the sum '{text}'")
    return weight, tokens.pop(0)[1]
