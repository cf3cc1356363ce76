#!/bin/sh
# -Ddurations: what qt-report has measured is the order in which Meson starts the tests.
# Usage: priorities_test.sh SOURCE    (MESON: another Meson than the one on PATH)
set -eu
meson=${MESON:-meson}
command -v "$meson" >/dev/null || { echo "skipped: no meson on PATH"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'x86_64/seabios 12.345\nriscv64/opensbi 0.078\n' >"$folder/durations"

"$meson" --version
"$meson" setup "-Ddurations=$folder/durations" "$folder/build" "$1" >"$folder/log" 2>&1 ||
  { tail -5 "$folder/log"; exit 1; }
"$meson" introspect --tests "$folder/build" >"$folder/tests.json"

# the_priority TEST NUMBER
the_priority() {
  found=$(tr '{' '\n' <"$folder/tests.json" | grep "\"name\": \"$1\"" |
    sed 's/.*"priority": \([0-9-]*\).*/\1/')
  [ "$found" = "$2" ] || { echo "$1: its priority is $found, not $2"; exit 1; }
}
the_priority func-x86_64-seabios 12345
the_priority func-riscv64-opensbi 78
the_priority func-arm-version 90000 # nothing is known of it
