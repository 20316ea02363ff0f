#!/usr/bin/env bash
# Every check that reads the code instead of running it. All run, also after one has failed; then a table and the verdict.
#
# Which files are checked is asked of git, never listed here: a tool starts to work with the first file it is for.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/.venv/bin:$PATH"

summary=()
failed=0
step() {
  local name=$1 started=$SECONDS verdict=ok
  shift
  printf '\n== %s\n' "$name"
  "$@" || { verdict=FAILED; failed=1; }
  summary+=("$(printf '%-34s %4d s  %s' "$name" $((SECONDS - started)) "$verdict")")
}
tracked() { git ls-files -z --cached --others --exclude-standard --deduplicate -- "$@"; }
on_tracked() {   # on_tracked PATTERNS COMMAND...: the command with all tracked files; an empty list is said aloud
  local patterns=() files=()
  read -ra patterns <<<"$1"
  shift
  mapfile -d '' files < <(tracked "${patterns[@]}")
  if [ ${#files[@]} = 0 ]; then printf 'no file matches %s yet\n' "${patterns[*]}"; return 0; fi
  "$@" "${files[@]}"
}
# Not the public data files and the lock: a million numbers and checksums, which only look like secrets. A copy of the
# baseline, because the tool writes moved line numbers into it and then ends with 3; only a new secret ends with 1.
secrets() {
  local copy code=0
  copy=$(mktemp) && cp .secrets.baseline "$copy"
  on_tracked '* :!demo/data :!uv.lock' detect-secrets-hook --baseline "$copy" || code=$?
  rm -f "$copy"
  [ $code = 0 ] || [ $code = 3 ]
}
shell_syntax() { local file; for file in "$@"; do bash -n "$file" || return 1; done; }

step 'shell syntax' on_tracked 'scripts/*.sh' shell_syntax
step 'ruff check' ruff check .
step 'ruff format' ruff format --check --quiet .
step 'types (mypy, strict)' mypy
step 'imports run downwards' lint-imports --no-logo
step 'migrations (squawk)' on_tracked 'real_estate_assets/migrations/*.sql' squawk --reporter gcc
step 'models (sqlfluff)' on_tracked 'dbt_project/models/*.sql' sqlfluff lint --disable-progress-bar --processes 2
step 'secrets' secrets
step 'licences' python scripts/check_licences.py

printf '\n'
printf '%s\n' "${summary[@]}"
exit $failed
