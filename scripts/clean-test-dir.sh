#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ends what tests left behind:   clean-test-dir.sh FOLDER [RUN]
# Processes that were started with HEADRACE_TEST_RUN=RUN are ended, FUSE connections mounted below the folder are
# aborted (a server that hangs would hold everybody who looks there) and every mount below it is taken away. Never
# touches a path on such a mount. Says one line for each thing it does.
# Exit status: 0 there was nothing, 1 there was something (it is gone now, or a line says that it could not be ended).
set -uo pipefail
if [ -n "${HEADRACE_TEST_RUN:-}" ]; then exec env -u HEADRACE_TEST_RUN "$0" "$@"; fi  # or it would find itself

folder=$(realpath -m "${1:?a folder}")
run=${2:-}
if [ "$folder" = / ]; then
  echo "clean-test-dir: not for /" >&2
  exit 2
fi
found=0
say() { printf 'clean-test-dir: %s\n' "$*" >&2; }

left_running() {
  [ -n "$run" ] || return 0
  grep -slzxF "HEADRACE_TEST_RUN=$run" /proc/[0-9]*/environ | tr -dc '0-9\n'
}

# Mounts below the folder, the latest first: "minor type path", the path as mountinfo writes it.
left_mounted() {
  awk -v folder="$folder/" '{
    path = $5; gsub(/\\040/, " ", path); gsub(/\\134/, "\\", path)
    if (index(path "/", folder) != 1 && index(path, folder) != 1) next
    for (i = 7; $i != "-"; i++) {}
    split($3, device, ":")
    print device[2], $(i + 1), path
  }' /proc/self/mountinfo | tac
}

abort_connection() {
  local control=/sys/fs/fuse/connections
  [ -e "$control/$1" ] || timeout 10 mount -t fusectl none "$control" 2>/dev/null
  timeout 10 sh -c "echo 1 >'$control/$1/abort'" 2>/dev/null
}

for _ in $(seq 20); do  # one that is about to end anyway is not left behind
  [ -z "$(left_running)" ] && break
  sleep 0.1
done
for pid in $(left_running); do
  say "ending process $pid: $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -c1-200)"
  kill -TERM "$pid" 2>/dev/null
  found=1
done
for _ in $(seq 50); do
  [ -z "$(left_running)" ] && break
  sleep 0.1
done
for pid in $(left_running); do kill -KILL "$pid" 2>/dev/null; done

while read -r minor type path; do
  found=1
  say "unmounting $path ($type)"
  case $type in fuse | fuse.* | fuseblk) abort_connection "$minor" || say "cannot abort FUSE connection $minor" ;; esac
  timeout 10 umount -l -- "$path" 2>/dev/null || timeout 10 fusermount3 -uz -- "$path" 2>/dev/null ||
    say "cannot unmount $path"
done < <(left_mounted)

exit "$found"
