"""Single words of a tenant file that have a form of their own: slug, encoding, CRS, uri.

Belongs here: judging one word, with a message that says what to write instead.
"""

from __future__ import annotations

import codecs
import posixpath
import re

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_ALLOWED_SCHEMES = ("s3", "https")


def check_slug(value: str) -> str:
    """Raises ValueError unless `value` is a tenant slug: it becomes a key, a path and a partition, never SQL."""
    if SLUG.fullmatch(value):
        return value
    odd = sorted({c for c in value if not re.fullmatch(r"[a-z0-9-]", c)})
    said = f"it contains {' '.join(repr(c) for c in odd[:8])}" if odd else "it is empty, too long or starts with '-'"
    suggestion = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63].strip("-")
    hint = f"; '{suggestion}' would do" if SLUG.fullmatch(suggestion) and len(odd) <= 2 else ""
    raise ValueError(f"a tenant's slug has 1 to 63 of a-z, 0-9 and '-', and does not start with '-': {said}{hint}")


def check_encoding(value: str) -> str:
    """Raises ValueError unless `value` names an encoding in which every ASCII byte means itself."""
    try:
        name = codecs.lookup(value).name
        plain = bytes(range(128))
        ascii_safe = name not in ("idna", "punycode", "raw_unicode_escape", "unicode_escape", "utf-7") and (
            plain.decode(name) == plain.decode("ascii")
        )
        multibyte = name != "utf-8" and len(b"\xb0\xa1".decode(name, errors="replace")) != 2 and name != "ascii"
    except (LookupError, UnicodeError, TypeError):
        raise ValueError(f"the encoding '{value}' is not known; write ascii, utf-8, latin-1, cp1252 ...") from None
    if not ascii_safe or (multibyte and name != "utf-8-sig"):
        raise ValueError(f"'{value}' cannot be read line by line; convert the file to utf-8 and declare that")
    return value


def check_crs(value: str) -> str:
    """Raises ValueError unless the CRS is known (`EPSG:4326`, a PROJ string or WKT)."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input(value)
    except CRSError:
        raise ValueError(f"the CRS '{value}' is not known; write it as EPSG and number, such as EPSG:4326") from None
    return value


def check_uri(value: str) -> str:
    """Raises ValueError unless `value` is a path below the tenant's data folder, or an s3:// or https:// address."""
    scheme = _SCHEME.match(value)
    if scheme:
        if scheme.group(1) not in _ALLOWED_SCHEMES:
            raise ValueError(f"'{scheme.group(1)}://' is not read; write a relative path, s3:// or https://")
        return value
    if not value.strip() or "\0" in value or "\n" in value:
        raise ValueError("a file needs a path")
    if value.startswith(("/", "\\", "~")) or re.match(r"^[A-Za-z]:", value):
        raise ValueError(f"'{value}' is not a relative path; name the file from the tenant's data folder")
    if ".." in posixpath.normpath(value.replace("\\", "/")).split("/"):
        raise ValueError(f"'{value}' leads out of the tenant's data folder")
    return value
