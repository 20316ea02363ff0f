#!/usr/bin/env bash
# All tests with coverage; arguments go to pytest. Each worker starts a throwaway Postgres of its own when it needs one.
# As many workers as cores, so that one test's waiting is another's time. Below the share of covered lines that
# pyproject.toml asks for this fails; the lines that no test ran are printed either way.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where this is set, as in many container images, each of the hundred programs that the tests start would compile the
# same libraries again.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest --numprocesses auto --dist loadscope --no-loadscope-reorder --cov --cov-report term-missing:skip-covered "$@"
