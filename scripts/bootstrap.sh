#!/usr/bin/env bash
# Installs what is missing to run this project, and nothing that is there: Python 3.11+, PostgreSQL with PostGIS from
# the distribution, uv from PyPI, and .venv from the lock. Run again it finds all in place in well under two seconds
# and needs no network.
#
#   scripts/bootstrap.sh                 what `make demo` needs
#   scripts/bootstrap.sh --group dev     and what `make test` needs: a Redis too (any arguments go to `uv sync`)
#
# Belongs here: what must exist before Python code of ours can run. The database itself is made by `reos up`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

OLDEST_POSTGRES=15   # security_invoker views came with 15

say() { printf '%s\n' "$*" >&2; }
fail() { printf 'bootstrap: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# ---- becoming root, only where a package is missing -----------------------------------------------------------------
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif has sudo; then sudo "$@"
  else fail "'$*' must run as root, and there is no sudo here. Run it as root, then run this script again."
  fi
}

apt_updated=
apt_install() {
  has apt-get || no_apt "$*"
  # The lists of a fresh machine are empty or old: refresh them once, when the first try does not find the packages.
  if ! apt_try "$@"; then
    [ -z "$apt_updated" ] || fail_apt "$*"
    say "bootstrap: refreshing the package lists"
    as_root apt-get update -q >&2 || say "bootstrap: apt-get update reported errors; trying all the same"
    apt_updated=yes
    apt_try "$@" || fail_apt "$*"
  fi
}
apt_try() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >&2; }
fail_apt() { fail "apt-get could not install: $1. Is there a network, and are the distribution's sources enabled? After that run this script again."; }
no_apt() {
  if [ "$(uname -s)" = Darwin ]; then
    fail "needed: $1. On macOS: brew install python@3.13 uv postgresql@17 postgis, then run this script again."
  fi
  fail "needed: $1. This machine has no apt-get: install Python 3.11-3.13, PostgreSQL $OLDEST_POSTGRES or newer with PostGIS, and ps (procps) with its own package manager, then run this script again."
}

# ---- Python ----------------------------------------------------------------------------------------------------------
# The newest of 3.11 to 3.13: dbt and its adapters are not released for newer ones.
find_python() {
  local name
  for name in python3.13 python3.12 python3.11 python3; do
    if has "$name" && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}
ensure_python() {
  python=$(find_python)
  if [ -z "$python" ]; then
    say "bootstrap: installing Python"
    apt_install python3 python3-venv
    python=$(find_python)
  fi
  [ -n "$python" ] || fail "Python 3.11, 3.12 or 3.13 is needed; here is $(python3 --version 2>&1 || echo none). Use Debian 12+, Ubuntu 24.04+, or install one of them beside it."
}

# ---- PostgreSQL with PostGIS ------------------------------------------------------------------------------------------
# The newest server of at least OLDEST_POSTGRES that has PostGIS beside it, as its folder of programs.
find_postgres() {
  local config major
  for config in /usr/lib/postgresql/*/bin/pg_config /opt/homebrew/opt/postgresql@*/bin/pg_config \
                /usr/local/opt/postgresql@*/bin/pg_config "$(command -v pg_config || true)"; do
    if [ -x "$config" ] && [ -x "${config%pg_config}pg_ctl" ]; then
      major=${config%/bin/pg_config}; major=${major##*[/@]}
      postgis_beside "${config%/pg_config}" && printf '%s\n' "$major"
    fi
  done | sort -n | tail -1
}
postgis_beside() {
  # Debian's layout is known, so that no program need run; elsewhere the server is asked where extensions stand.
  local folder=$1 major
  case $folder in
    /usr/lib/postgresql/*) major=${folder#/usr/lib/postgresql/}; major=${major%/bin}
      [ "$major" -ge "$OLDEST_POSTGRES" ] && [ -f "/usr/share/postgresql/$major/extension/postgis.control" ] ;;
    *) [ -f "$("$folder/pg_config" --sharedir)/extension/postgis.control" ] ;;
  esac
}
# Debian's package makes and starts a cluster of its own unless told otherwise before it is installed.
keep_system_cluster_from_being_made() {
  local conf=/etc/postgresql-common/createcluster.conf
  if [ -d /var/lib/dpkg ] && ! dpkg -s postgresql-common >/dev/null 2>&1 && [ ! -e "$conf" ]; then
    say "bootstrap: telling Debian's PostgreSQL not to make a system cluster ($conf)"
    as_root mkdir -p "${conf%/*}"
    printf '# Written before the installation of PostgreSQL, so that no system cluster is made.\ncreate_main_cluster = false\n' \
      | as_root tee "$conf" >/dev/null
  fi
}
ensure_postgres() {
  [ -n "$(find_postgres)" ] && return
  say "bootstrap: installing PostgreSQL and PostGIS from the distribution"
  has apt-get || no_apt "PostgreSQL $OLDEST_POSTGRES or newer with PostGIS"
  local major
  major=$(distribution_major)
  if [ -z "$major" ]; then as_root apt-get update -q >&2 || true; apt_updated=yes; major=$(distribution_major); fi
  [ -n "$major" ] || fail "the package lists name no postgresql-NN-postgis-3. Is there a network, and are the distribution's sources enabled (universe, on Ubuntu)?"
  [ "$major" -ge "$OLDEST_POSTGRES" ] || fail "the distribution's PostgreSQL is $major; $OLDEST_POSTGRES or newer is needed (Debian 12+, Ubuntu 24.04+)."
  keep_system_cluster_from_being_made
  apt_install "postgresql-$major" "postgresql-$major-postgis-3"
  [ -n "$(find_postgres)" ] || fail "PostgreSQL $major was installed, yet its programs or PostGIS are not in /usr/lib/postgresql/$major and /usr/share/postgresql/$major."
}
distribution_major() {
  apt-cache --names-only search '^postgresql-[0-9]+-postgis-3$' 2>/dev/null \
    | sed -n 's/^postgresql-\([0-9]*\)-postgis-3 .*/\1/p' | sort -n | tail -1
}

# ---- uv, and the environment from the lock ----------------------------------------------------------------------------
find_uv() {
  local candidate
  for candidate in "$(command -v uv || true)" .reos/uv/bin/uv "${HOME:-/nonexistent}/.local/bin/uv"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then printf '%s\n' "$candidate"; return; fi
  done
}
ensure_uv() {
  uv=$(find_uv)
  [ -n "$uv" ] && return
  say "bootstrap: installing uv from PyPI"
  # In an environment of its own below .reos: nothing of the machine or the user is changed. Debian ships Python
  # without ensurepip; then pip into the user's folder, and at last the package python3-venv.
  if ! "$python" -m venv .reos/uv >/dev/null 2>&1; then
    rm -rf .reos/uv
    "$python" -m pip install --quiet --user uv >/dev/null 2>&1 || {
      apt_install "$(basename "$python")-venv"
      "$python" -m venv .reos/uv >&2
    }
  fi
  if [ -x .reos/uv/bin/pip ]; then
    .reos/uv/bin/pip install --quiet uv >&2 || fail "uv could not be installed from PyPI. Is there a network or a mirror (pip config)? Then run this script again."
  fi
  uv=$(find_uv)
  [ -n "$uv" ] || fail "uv was installed but not found; put it into PATH and run this script again."
}

# The same lock, card and arguments as at the last success: nothing to do, and no network is asked. What `--group dev`
# installed also serves the plain call.
stamp() { cat uv.lock pyproject.toml | cksum; }
synced() {
  [ -x .venv/bin/python ] && [ -x .venv/bin/reos ] && .venv/bin/python -c '' 2>/dev/null || return 1
  local done_with="$PWD|$(stamp)|"
  grep -qxF "$done_with$*" .venv/.synced 2>/dev/null && return
  [ $# = 0 ] && grep -qF "$done_with" .venv/.synced 2>/dev/null
}
ensure_venv() {
  synced "$@" && return
  ensure_uv
  say "bootstrap: installing the locked packages into .venv"
  # No interpreter is downloaded: the one found above is used. --inexact: what another call's group installed stays.
  if ! UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen --inexact --quiet --python "$python" "$@" >&2; then
    fail "uv could not install the locked packages. Is there a network? If .venv is damaged: rm -rf .venv, then run this script again."
  fi
  printf '%s\n' "$PWD|$(stamp)|$*" >>.venv/.synced
}

# ---- Redis, for tests, gates and benchmarks ----------------------------------------------------------------------------
# The server's program stands in redis-tools and is a server when it is called redis-server; the package redis-server
# adds that name, and a service of the system that starts with the machine. Who tests needs the program only.
ensure_redis() {
  if has redis-server || has redis-check-rdb; then return; fi
  if ! has apt-get; then fail "needed: a Redis server for the tests. On macOS: brew install redis. Then run this script again."; fi
  say "bootstrap: installing Redis' programs from the distribution (no service)"
  apt_install redis-tools
  has redis-check-rdb || fail "redis-tools was installed, yet redis-check-rdb is not in PATH."
}

has ps || apt_install procps   # tells a live server from a stale pid file
ensure_python
ensure_postgres
case " $* " in *" dev "*) ensure_redis ;; esac
ensure_venv "$@"
