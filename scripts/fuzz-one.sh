#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one fuzz target for a bounded time: fuzz-one.sh PROGRAM [SEED_FOLDER]
# HEADRACE_FUZZ_SECONDS (10) is the time, HEADRACE_FUZZ_LENGTH (65536) the longest input, HEADRACE_FUZZ_OUT the folder
# that keeps inputs which crash it (the current one).
set -eu
program=$1
seeds=${2:-}
corpus=$(mktemp -d "${HEADRACE_TEST_DIR:-${TMPDIR:-/tmp}}/fuzz.XXXXXX")
trap 'rm -rf "$corpus"' EXIT
if [ ! -d "$seeds" ]; then seeds=; fi
"$program" -max_total_time="${HEADRACE_FUZZ_SECONDS:-10}" -max_len="${HEADRACE_FUZZ_LENGTH:-65536}" -timeout=20 \
  -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="${HEADRACE_FUZZ_OUT:-$PWD}/" "$corpus" ${seeds:+"$seeds"}
