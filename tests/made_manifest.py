"""The dbt project as it was parsed once, before the first test, for a state directory of a test's own.

Belongs here: copying it. Does not belong here: parsing (`pytest_sessionstart` in conftest.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from real_estate_assets.settings import Settings
from real_estate_assets.stores.dbt_process import parsed_project


def bring_manifest(state_dir: Path) -> None:
    """Put the manifest into a state directory, as if `reos up` had parsed the project there some time ago."""
    folder = parsed_project(Settings(environment="test", state_dir=state_dir))
    folder.mkdir(parents=True)
    shutil.copy2(parsed_project(Settings(environment="test")) / "manifest.json", folder)
