"""Refuses installed packages whose licence does not fit a product that is not published under GPL or AGPL.

LGPL is fine (psycopg: used as a library, unchanged). A package with a choice of licences is fine if one of them is.
A package that states none is refused until somebody has read its licence and entered it in REVIEWED.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# name: what its licence is, where that was read
REVIEWED: dict[str, str] = {}
OWN = "real-estate-os"
CHOICE = re.compile(r"\s+OR\s+|;\s*")  # SPDX expressions; `;` stands between the classifiers of older packages
COPYLEFT = re.compile(r"\bA?GPL|Affero|General Public License", re.IGNORECASE)
LESSER = re.compile(r"\bLGPL|Lesser General Public|Library or Lesser", re.IGNORECASE)


def refusal(licence: str) -> str | None:
    """Why a licence text is refused; None if it is fine."""
    if not licence.strip() or licence.strip().upper() in {"UNKNOWN", "LICENSE"}:
        return "states no licence"
    if any(LESSER.search(choice) or not COPYLEFT.search(choice) for choice in CHOICE.split(licence)):
        return None
    return f"is under {licence}"


def main() -> int:
    """Exit code 1 and a line per refused package, else 0 and the number of packages looked at."""
    program = Path(sys.executable).with_name("pip-licenses")
    command = [program, "--python", sys.executable, "--from", "mixed", "--format", "json"]
    packages = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    bad = [
        (package["Name"], reason)
        for package in packages
        if package["Name"] not in {OWN, *REVIEWED} and (reason := refusal(package["License"])) is not None
    ]
    for name, reason in bad:
        print(f"{name} {reason}: replace it, or read its licence and enter it in scripts/check_licences.py")
    if not packages:
        print("no installed package was found: the check itself is broken")
    print(f"{len(packages)} packages, {len(bad)} refused")
    return 1 if bad or not packages else 0


if __name__ == "__main__":
    sys.exit(main())
