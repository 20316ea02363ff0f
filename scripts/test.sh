#!/usr/bin/env bash
# All tests with coverage; arguments go to pytest. Each worker starts a throwaway Postgres of its own when it needs one.
# One worker more than cores: a test that waits, as for the daemon's next look, leaves its core to another. Below the
# share of covered lines that pyproject.toml asks for this fails; the lines that no test ran are printed either way.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where this is set, as in many container images, each of the hundred programs that the tests start would compile the
# same libraries again.
unset PYTHONDONTWRITEBYTECODE
workers=$(($(getconf _NPROCESSORS_ONLN) + 1))
exec .venv/bin/python -m pytest --numprocesses "$workers" --dist loadscope --no-loadscope-reorder --cov --cov-report term-missing:skip-covered "$@"
