#!/bin/sh
# Every definition is registered: its name stands in the meson.build beside it.
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
exit "$missing"
