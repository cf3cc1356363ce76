#!/bin/sh
# Every file stands once in the meson.build that builds it: definitions, modules of lib and unit tests, the last two
# in order.
# Usage: registered_test.sh SOURCE_ROOT
set -eu
missing=0
for definition in "$1"/tests/functional/*/*.toml; do
  name=$(basename "$definition" .toml)
  grep -q "'$name'" "$(dirname "$definition")/meson.build" || {
    echo "$definition: not in the meson.build beside it"
    missing=1
  }
done

# listed FOLDER ENDING PART: the list in FOLDER/meson.build, a name a line, is that of the files FOLDER/*ENDING,
# named without PART. A line with < is in the meson.build only, or there twice, or out of order.
listed() {
  differences=$(
    work=$(mktemp -d)
    sed -n "s/^  '\([a-z_0-9]*\(\.cc\)*\)',\$/\1/p" "$1/meson.build" >"$work/listed"
    for file in "$1"/*"$2"; do basename "$file" "$3"; done | LC_ALL=C sort >"$work/files"
    diff "$work/listed" "$work/files" | grep '^[<>]' || true
    rm -r "$work"
  )
  [ -z "$differences" ] || {
    printf '%s/meson.build against the files beside it:\n%s\n' "$1" "$differences"
    missing=1
  }
}
listed "$1/lib" .cc ''
listed "$1/tests/unit" _test.cc _test.cc
exit "$missing"
