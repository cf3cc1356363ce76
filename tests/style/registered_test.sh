#!/bin/sh
# Every module of lib and every unit test stands once in the meson.build beside it, in order. (For
# definitions: the test registered-definitions.)
# Usage: registered_test.sh SOURCE_ROOT
set -eu
missing=0
# listed FOLDER: the list in FOLDER/meson.build, a file a line, is that of the sources beside it. A line
# with < is in the meson.build only, or there twice, or out of order.
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
listed() {
  sed -n "s/^  '\([a-z_0-9]*\.cc\)',\$/\1/p" "$1/meson.build" >"$work/listed"
  for file in "$1"/*.cc; do basename "$file"; done | LC_ALL=C sort >"$work/files"
  diff "$work/listed" "$work/files" >"$work/differences" || {
    printf '%s/meson.build against the files beside it:\n' "$1"
    grep '^[<>]' "$work/differences"
    missing=1
  }
}
for folder in "$1"/lib/*/ "$1"/tests/unit/*/; do
  listed "${folder%/}"
done
exit "$missing"
