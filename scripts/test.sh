#!/usr/bin/env bash
# All tests with coverage; arguments go to pytest. Each worker starts a throwaway Postgres of its own when it needs one.
# The number of workers is that of the cores, so that one test's waiting is another's time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

.venv/bin/python -m coverage erase
.venv/bin/python -m pytest --numprocesses auto --dist loadscope --cov --cov-report= "$@"
# Below the share in pyproject.toml this fails, and prints the lines that no test ran.
.venv/bin/python -m coverage report
