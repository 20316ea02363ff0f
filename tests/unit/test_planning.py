"""What decides whether something is made again, and in which runs: fingerprints, code versions, chunks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.cli.running import chunks
from real_estate_assets.defs import code_versions
from real_estate_assets.defs.code_versions import PACKAGE, PROJECT, SOURCES, code_version
from real_estate_assets.defs.fingerprints import fingerprint

INPUTS = st.dictionaries(
    st.from_regex(r"[a-z]{1,4}/[a-z]{1,4}", fullmatch=True), st.text("0123456789abcdef"), max_size=5
)
KEYS = st.lists(st.from_regex(r"[a-z][a-z0-9-]{0,3}", fullmatch=True), unique=True, max_size=40)


@given(INPUTS, st.randoms(use_true_random=False))
def test_a_fingerprint_does_not_depend_on_the_order_of_inputs(inputs: dict[str, str], random: object) -> None:
    items = list(inputs.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert fingerprint("code", dict(items)) == fingerprint("code", inputs)


@given(INPUTS, INPUTS)
def test_other_inputs_give_another_fingerprint(one: dict[str, str], other: dict[str, str]) -> None:
    assert (fingerprint("code", one) == fingerprint("code", other)) == (one == other)


def test_a_fingerprint_changes_with_the_code_and_is_sixteen_hex_digits() -> None:
    assert fingerprint("a", {"x": "1"}) != fingerprint("b", {"x": "1"})
    assert len(fingerprint("a", {})) == 16
    assert int(fingerprint("a", {}), 16) >= 0


@given(KEYS, st.data(), st.integers(1, 7))
def test_chunks_are_ranges_of_the_partitions_that_hold_the_chosen_and_nothing_else(
    all_keys: list[str], data: st.DataObject, size: int
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(all_keys), unique=True)) if all_keys else []
    cut = chunks(all_keys, chosen, size)
    assert [key for chunk in cut for key in chunk] == [key for key in all_keys if key in chosen]
    for chunk in cut:
        first = all_keys.index(chunk[0])
        assert 1 <= len(chunk) <= size
        assert all_keys[first : first + len(chunk)] == chunk


def test_chunks_are_as_few_as_their_size_and_the_gaps_allow() -> None:
    assert chunks(list("abcdefgh"), list("gfedcba"), 3) == [list("abc"), list("def"), ["g"]]
    assert chunks(list("abcdefgh"), list("abdeh"), 25) == [list("ab"), list("de"), ["h"]]
    assert chunks(list("abc"), [], 25) == []
    assert chunks(list("abc"), ["x"], 25) == [], "a key that is no partition can be in no run"


@pytest.mark.parametrize("stage", SOURCES)
def test_every_stage_has_a_version_made_of_files_that_are_there(stage: str) -> None:
    assert [root for root in SOURCES[stage] if not root.exists()] == []
    assert len(code_version(stage)) == 12


# Core modules that a stage imports and that change nothing it stores.
WITHOUT_EFFECT = {
    *("core/tenants/__init__.py", "core/tenants/compatibility.py", "core/tenants/loading.py", "core/tenants/model.py"),
    *("core/tenants/problems.py", "core/tenants/wording.py", "core/tenants/yaml_text.py"),  # judge a description
    *("core/pictures.py", "core/plots.py", "core/provenance/reliability.py"),  # shown beside what is stored
    # Their content is the fingerprint of the tables that they fill, and part of a calibration's inputs.
    *(
        f"core/provenance/{name}.py"
        for name in (
            *("field_map", "gate_checks", "mart_checks", "method_priors", "reviewed", "row_checks", "source_registry"),
            *("survival_priors", "trust_model", "__init__"),
        )
    ),
}
# What judges records for another stage; of it the registers of trust only read the rules' names and columns.
WITHOUT_EFFECT_ON = {
    "reference": {f"core/gates/{name}.py" for name in ("__init__", "outcomes", "suites", "summary")},
    "calibration": {
        *(f"core/gates/{name}.py" for name in ("__init__", "outcomes", "suites", "summary")),
        "core/records/fields.py",
    },
}


def core_modules_of(stage: str) -> set[str]:
    """Core modules that the stage's files import, and those that these import, relative to the package."""
    pending = [f for root in SOURCES[stage] for f in ([root] if root.is_file() else root.rglob("*.py"))]
    seen: set[Path] = set()
    while pending:
        path = pending.pop()
        if path in seen or path.suffix != ".py":
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("real_estate_assets.core"):
                module = PROJECT / str(node.module).replace(".", "/")
                named = [
                    module.with_suffix(".py"),
                    module / "__init__.py",
                    *(module / f"{a.name}.py" for a in node.names),
                ]
                pending += [found for found in named if found.is_file()]
    return {path.relative_to(PACKAGE).as_posix() for path in seen if (PACKAGE / "core") in path.parents}


@pytest.mark.parametrize("stage", ["reference", "records", "enrichment", "calibration"])
def test_what_a_stage_computes_with_is_part_of_its_version(stage: str) -> None:
    counted = {
        file.relative_to(PACKAGE).as_posix()
        for root in SOURCES[stage]
        for file in ([root] if root.is_file() else root.rglob("*.py"))
    }
    found = core_modules_of(stage)
    assert found, "a stage computes with something"
    without_effect = WITHOUT_EFFECT | WITHOUT_EFFECT_ON.get(stage, set())
    assert found - counted - without_effect == set(), "name them in SOURCES, or a change of them rebuilds nothing"


def test_stages_have_versions_of_their_own() -> None:
    assert len({code_version(stage) for stage in SOURCES}) == len(SOURCES)


def test_an_unknown_stage_has_no_version() -> None:
    with pytest.raises(KeyError, match="tea"):
        code_version("tea")


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project of one stage: a folder of rules and a single module."""
    (tmp_path / "rules" / "inner").mkdir(parents=True)
    (tmp_path / "rules" / "inner" / "a.sql").write_text("select 1")
    (tmp_path / "one.py").write_text("ONE = 1")
    monkeypatch.setattr(code_versions, "PROJECT", tmp_path)
    monkeypatch.setattr(code_versions, "SOURCES", {"stage": (tmp_path / "rules", tmp_path / "one.py")})
    return tmp_path


@pytest.mark.parametrize(
    ("path", "text"),
    [("rules/inner/a.sql", "select 2"), ("one.py", "ONE = 2"), ("rules/new.yml", "x: 1"), ("rules/inner/b.sql", "")],
)
def test_a_changed_or_added_file_changes_the_version(project: Path, path: str, text: str) -> None:
    before = code_version.__wrapped__("stage")
    (project / path).write_text(text)
    assert code_version.__wrapped__("stage") != before


def test_a_renamed_file_changes_the_version_and_what_is_no_source_does_not(project: Path) -> None:
    before = code_version.__wrapped__("stage")
    (project / "rules" / "a.cpython-311.pyc").write_bytes(b"\0")
    (project / "elsewhere.py").write_text("TWO = 2")
    assert code_version.__wrapped__("stage") == before
    (project / "rules" / "inner" / "a.sql").rename(project / "rules" / "inner" / "b.sql")
    assert code_version.__wrapped__("stage") != before
