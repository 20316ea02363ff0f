"""Programs in the background: found again by exact identity, ended with their children, and no other touched."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from real_estate_assets.cli import background
from real_estate_assets.settings import process_environment

CHILD = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"


def _start(folder: Path, program: str) -> tuple[background.Process, Path, str]:
    """The process, its pid file, and the first line it wrote."""
    pid_file, log = folder / "p.pid", folder / "p.log"
    process = background.start([sys.executable, "-c", program], pid_file, log, process_environment({}))
    deadline = time.monotonic() + 20
    while not (log.exists() and log.read_text().strip()):
        assert time.monotonic() < deadline, "the program wrote nothing"
        time.sleep(0.05)
    return process, pid_file, log.read_text().strip()


def _runs(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(told.strip()) and not told.startswith("Z")


def test_program_is_remembered_and_ends_with_its_children(tmp_path: Path) -> None:
    process, pid_file, child = _start(tmp_path, CHILD)
    assert background.remembered(pid_file) == process
    assert _runs(int(child))
    assert background.stop(pid_file) is True
    assert not process.alive()
    assert not _runs(int(child))
    assert not pid_file.exists()
    assert background.stop(pid_file) is False


def test_program_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process, pid_file, _ = _start(tmp_path, STUBBORN)
    assert background.stop(pid_file, seconds=0.5) is True
    assert not process.alive()


def test_long_log_is_set_aside_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.log").write_text("of last time\n")
    monkeypatch.setattr(background, "LOG_BYTES", 5)
    _, pid_file, told = _start(tmp_path, "import time; print('new', flush=True); time.sleep(60)")
    background.stop(pid_file)
    assert told == "new"
    assert (tmp_path / "p.log.1").read_text() == "of last time\n"


def test_reused_number_is_left_alone(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = tmp_path / "p.pid"
        pid_file.write_text(json.dumps({"pid": bystander.pid, "started": "12345"}))
        assert background.remembered(pid_file) is None
        assert background.stop(pid_file) is False
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("text", ["", "x", "[]", '{"pid": 1}', '{"pid": 1, "started": ""}'])
def test_damaged_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.pid").write_text(text)
    assert background.stop(tmp_path / "p.pid") is False


def test_interrupt_is_not_ignored_by_what_a_shell_started_in_the_background(tmp_path: Path) -> None:
    """`make ui &` starts `reos` with SIGINT ignored; Dagster, to which SIGTERM means SIGINT, would then never stop."""
    program = "import signal; print(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN, flush=True)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _, pid_file, told = _start(tmp_path, f"{program}; import time; time.sleep(60)")
    finally:
        signal.signal(signal.SIGINT, before)
    background.stop(pid_file)
    assert told == "True"
