"""The key by which spellings of one company or public body meet, and the ids that hang on it: docs/provenance.md.

Belongs here: the key and its ids. Does not belong here: which records name an owner (`rules.owners`).
"""

from __future__ import annotations

import hashlib
import re
import uuid

# In this order: the long form first, so that it is not read as its own last word.
LEGAL_FORMS = (
    ("LIMITED LIABILITY COMPANY", "LLC"),
    ("LIMITED LIABILITY CO", "LLC"),
    ("L L C", "LLC"),
    ("LIMITED PARTNERSHIP", "LP"),
    ("L P", "LP"),
    ("INCORPORATED", "INC"),
    ("CORPORATION", "CORP"),
    ("COMPANY", "CO"),
    ("LIMITED", "LTD"),
)
PUBLIC_BODIES = ("CITY", "TOWN", "COUNTY", "STATE", "COMMONWEALTH")


def owner_key(name: str) -> str:
    """The key of an owner's name."""
    letters = re.sub(r"[.']", "", name.upper()).replace("&", " AND ")
    words = f" {' '.join(re.findall(r'[A-Z0-9]+', letters))} "
    for long, short in LEGAL_FORMS:
        while f" {long} " in words:
            words = words.replace(f" {long} ", f" {short} ")
    key = words.strip()
    key = key.removeprefix("THE ").removesuffix(" THE").strip()
    for body in PUBLIC_BODIES:
        tail = f" {body} OF"
        if key.endswith(tail) and len(key) > len(tail):
            return f"{body} OF {key.removesuffix(tail)}"
    return key


def md5_id(*parts: str | None) -> uuid.UUID:
    """The md5 of parts joined by a bar, as a uuid; a missing part is empty."""
    text = "|".join(part or "" for part in parts)
    return uuid.UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())
