#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building, testing, measuring or demonstrating Headrace needs, from the distribution:
#   scripts/install-deps.sh [build|test|bench|demo]     (build; each other mode includes build)
# Says one line for each thing it does, and is done at once when nothing is missing. Uses sudo when not root.
# Debian 12 is what it is checked on. HEADRACE_DEPS_DRY_RUN=1 prints what it would install and installs nothing.
set -euo pipefail

say() { printf 'install-deps: %s\n' "$*"; }
fail() { printf 'install-deps: %s\n' "$*" >&2; exit 1; }

build=(build-essential cmake ninja-build ccache pkg-config mold clang-19 libclang-rt-19-dev lld-19
  libboost1.81-dev libsqlite3-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libxxhash-dev zlib1g-dev
  libgtest-dev libgmock-dev librapidcheck-dev)
test=(llvm-19 clang-format-19 acl attr fio fuse3 git python3 python3-numpy python3-pil python3-venv rsync sqlite3)
bench=(attr fio fuse3 python3 python3-numpy rsync)
demo=(fuse3 python3 python3-numpy python3-pil python3-venv sqlite3)

mode=${1:-build}
case $mode in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${build[@]}" "${test[@]}") ;;
  bench) wanted=("${build[@]}" "${bench[@]}") ;;
  demo) wanted=("${build[@]}" "${demo[@]}") ;;
  *) printf 'install-deps: build, test, bench or demo, got %s\n' "$mode" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "this system has no apt; install the equivalents of: ${wanted[*]}"

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null | awk '$2 == "installed" {print $1}' || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "nothing to install for $mode"
  exit 0
fi

. /etc/os-release 2>/dev/null || true
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  say "${PRETTY_NAME:-this system} is untested (Debian 12 is); trying apt all the same"
fi
if [ -n "${HEADRACE_DEPS_DRY_RUN:-}" ]; then
  say "would install ${missing[*]}"
  exit 0
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || fail "neither root nor sudo; as root: apt-get install -y --no-install-recommends ${missing[*]}"
  root=(sudo)
fi

apt() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -qq "$@"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
say "refreshing the package lists"
apt update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
say "installing ${missing[*]}"
apt install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 || { tail -30 "$log" >&2; fail "apt-get install failed"; }
say "installed ${#missing[@]} packages for $mode"
