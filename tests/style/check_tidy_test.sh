#!/bin/sh
# Plants a mistake in a header; clang-tidy with the project's configuration must name it.
# Usage: check_tidy_test.sh SOURCE_ROOT
set -eu
command -v clang-tidy >/dev/null || { echo "skipped: no clang-tidy"; exit 77; }
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

mkdir "$copy/lib"
cp "$1/.clang-tidy" "$copy/"
cat >"$copy/lib/planted.hh" <<'HEADER'
#include <string>
#include <utility>
inline std::size_t planted(std::string text) {
  const std::string taken = std::move(text);
  return taken.size() + text.size();
}
HEADER
echo '#include "planted.hh"' >"$copy/lib/planted.cc"

if output=$(clang-tidy --quiet "$copy/lib/planted.cc" -- -std=c++20 2>&1); then
  echo "not found: a mistake in a header"
  exit 1
fi
case $output in
  *planted.hh:*bugprone-use-after-move*) echo "found: a mistake in a header" ;;
  *) printf 'wrong report:\n%s\n' "$output"; exit 1 ;;
esac
