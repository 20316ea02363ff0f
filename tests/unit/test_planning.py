"""What decides whether something is made again, and in which runs: fingerprints, code versions, chunks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.cli.running import chunks
from real_estate_assets.defs import code_versions
from real_estate_assets.defs.code_versions import SOURCES, code_version
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
