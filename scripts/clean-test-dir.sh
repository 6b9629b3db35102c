#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ends what tests left under a folder:   clean-test-dir.sh FOLDER
# Processes that were started with HEADRACE_TEST_DIR=FOLDER are ended, FUSE connections mounted below it are aborted
# (a server that hangs would hold everybody who looks there) and every mount below it is taken away. Never touches
# a path on such a mount. Says one line for each thing it does.
# Exit status: 0 there was nothing, 1 there was something (it is gone now, or a line says that it could not be ended).
set -uo pipefail

folder=$(realpath -m "${1:?a folder}")
if [ "$folder" = / ]; then
  echo "clean-test-dir: not for /" >&2
  exit 2
fi
found=0
say() { printf 'clean-test-dir: %s\n' "$*" >&2; }

# Our own parents carry the variable too when a test of this script runs.
is_own_parent() {
  local pid=$$
  while [ "${pid:-0}" -gt 1 ]; do
    [ "$pid" = "$1" ] && return 0
    pid=$(awk '$1 == "PPid:" {print $2}' "/proc/$pid/status" 2>/dev/null)
  done
  return 1
}

left_running() {
  local environment pid
  for environment in $(grep -slzxF "HEADRACE_TEST_DIR=$folder" /proc/[0-9]*/environ); do
    pid=${environment#/proc/}
    pid=${pid%/environ}
    is_own_parent "$pid" || echo "$pid"
  done
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

for pid in $(left_running); do
  say "ending process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | cut -c1-200)"
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
