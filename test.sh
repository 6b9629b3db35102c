#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests Headrace:   ./test.sh [KIND...]
#
# Installs what the tests need, builds each kind of test with its preset and runs it; stops at the first kind that
# fails. The kinds, their order, presets and time limits are in tests/kinds.txt; without arguments, every kind that the
# list marks `yes` is run; `long` stands for all that it marks so. The last line is "N passed, N failed".
# Exit status: 0 all passed, 1 something failed, 2 there is no such kind of test.
#
#   HEADRACE_TEST_DIR      where tests may mount and write (a new folder under TMPDIR; removed at the end)
#   HEADRACE_TEST_JOBS     how many tests run at a time (the number of processors)
#   HEADRACE_FUZZ_SECONDS  how long each fuzz target runs (10)
#   HEADRACE_SKIP_DEPS     set: install nothing
set -uo pipefail
cd "$(dirname "$0")" || exit 1

die() { printf 'test.sh: %s\n' "$*" >&2; exit 2; }

kinds=()
declare -A preset_of limit_of asked
while read -r kind preset limit when; do
  case $kind in '' | '#'*) continue ;; esac
  kinds+=("$kind")
  preset_of[$kind]=$preset limit_of[$kind]=$limit asked[$kind]=$when
done <tests/kinds.txt

case ${1:-} in
  -h | --help) sed -n '3,/^set /{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
esac
named=()
for kind in "$@"; do
  if [ "$kind" = long ]; then
    for each in "${kinds[@]}"; do
      if [ "${asked[$each]}" = long ]; then named+=("$each"); fi
    done
    continue
  fi
  [ -n "$kind" ] && [ -n "${preset_of[$kind]:-}" ] || die "no kind of test is called '$kind'; there are: ${kinds[*]} long"
  named+=("$kind")
done

passed=0 failed=0 log=$(mktemp -d)
own_dir=
if [ -z "${HEADRACE_TEST_DIR:-}" ]; then
  HEADRACE_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/headrace-test.XXXXXX") || exit 1
  chmod 711 "$HEADRACE_TEST_DIR"  # other users, who have tests too, come through it
  own_dir=yes
fi
mkdir -p "$HEADRACE_TEST_DIR" && HEADRACE_TEST_DIR=$(realpath "$HEADRACE_TEST_DIR") || exit 1
export HEADRACE_TEST_DIR
export HEADRACE_TEST_RUN=$$.$(date +%s%N)  # how a process that a test left running is known
export PYTHONDONTWRITEBYTECODE=1
export GTEST_BRIEF=1  # of a failing program, the failures
# A server's report must not be lost in the log of a mount: every process writes its own into this folder, and one fails the kind.
reports=$HEADRACE_TEST_DIR/sanitizer
mkdir -p "$reports" || exit 1
for sanitizer in ASAN UBSAN TSAN; do export "${sanitizer}_OPTIONS=log_path='$reports/report'"; done

end_leftovers() { scripts/clean-test-dir.sh "$HEADRACE_TEST_DIR" "$HEADRACE_TEST_RUN"; }

clean_up() {
  end_leftovers
  rmdir "$reports" 2>/dev/null
  if [ -n "$own_dir" ]; then rm -rf --one-file-system "$HEADRACE_TEST_DIR"; fi
  rm -rf "$log"
}
# What takes long runs beside the shell, so that a signal to the shell ends it at once.
child=
bounded() {
  timeout -k 30 "$@" &
  child=$!
  wait "$child"
}

stop() {
  trap '' INT TERM
  if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null && wait "$child"; fi
  echo "test.sh: stopped by a signal"
  exit "$1"
}
trap clean_up EXIT
trap 'stop 130' INT
trap 'stop 143' TERM

finish() {
  clean_up
  trap - EXIT
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

configure() {
  local preset=$1
  [ -e "$log/configured.$preset" ] && return
  if ! cmake --preset "$preset" >"$log/configure" 2>&1; then
    cat "$log/configure"
    echo "test.sh: configuring the preset $preset failed"
    failed=$((failed + 1))
    finish
  fi
  touch "$log/configured.$preset"
}

has_tests() {
  ctest --test-dir "build/${preset_of[$1]}" -N -L "^$1\$" | grep -q '^Total Tests: [1-9]'
}

# The counts of one ctest run, out of its own report.
count() {
  local report=$1 tests failures skipped
  tests=$(grep -o -m1 'tests="[0-9]*"' "$report" | tr -dc 0-9)
  failures=$(grep -o -m1 'failures="[0-9]*"' "$report" | tr -dc 0-9)
  skipped=$(($(grep -o -m1 'skipped="[0-9]*"' "$report" | tr -dc 0-9) + $(grep -o -m1 'disabled="[0-9]*"' "$report" | tr -dc 0-9)))
  passed=$((passed + tests - failures - skipped))
  failed=$((failed + failures))
  if [ "$skipped" -gt 0 ]; then echo "test.sh: $skipped skipped; each says why above"; fi
}

run_kind() {
  local kind=$1 preset=${preset_of[$1]} limit=${limit_of[$1]} report=$log/$1.xml status
  echo "== $kind ($preset)"
  if ! bounded 5400 cmake --build "build/$preset" --target "tests_$kind"; then
    echo "test.sh: building the $kind tests failed"
    failed=$((failed + 1))
    return
  fi
  bounded "$limit" ctest --test-dir "build/$preset" -L "^$kind\$" --no-tests=error --output-on-failure \
    --timeout 900 -j "${HEADRACE_TEST_JOBS:-$(nproc)}" --output-junit "$report"
  status=$?
  if [ -s "$report" ]; then
    local before=$failed
    count "$report"
    if [ "$status" -ne 0 ] && [ "$failed" -eq "$before" ]; then failed=$((failed + 1)); fi
  else
    echo "test.sh: the $kind tests did not end within $limit seconds"
    failed=$((failed + 1))
  fi
  if compgen -G "$reports/report.*" >/dev/null; then
    head -n 120 "$reports"/report.*
    rm -f "$reports"/report.*
    echo "test.sh: a sanitizer found something during the $kind tests; its reports are above"
    failed=$((failed + 1))
  fi
  if ! end_leftovers; then
    echo "test.sh: the $kind tests left something mounted or running"
    failed=$((failed + 1))
  fi
}

if [ -z "${HEADRACE_SKIP_DEPS:-}" ]; then
  scripts/install-deps.sh test || echo "test.sh: going on without; configuring will name what is missing"
fi

wanted=("${named[@]}")
if [ $# -eq 0 ]; then
  for kind in "${kinds[@]}"; do
    if [ "${asked[$kind]}" = yes ]; then
      configure "${preset_of[$kind]}"
      if has_tests "$kind"; then wanted+=("$kind"); fi
    fi
  done
else
  for kind in "${named[@]}"; do
    configure "${preset_of[$kind]}"
    has_tests "$kind" || die "there are no tests of the kind '$kind'"
  done
fi

for kind in "${wanted[@]}"; do
  run_kind "$kind"
  [ "$failed" -eq 0 ] || break
done
finish
