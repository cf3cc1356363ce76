#!/bin/sh
# Plants one violation of each rule in a copy of the sources; scripts/check-includes must name it.
# Usage: check_includes_test.sh SOURCE_ROOT
set -eu
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# plant NAME FILE LINE EXPECTED [TABLE]: adds LINE to FILE of a fresh copy, and a row to the modules.
plant() {
  rm -rf "$copy/tree"
  mkdir "$copy/tree"
  cp -r "$root/lib" "$root/tools" "$root/scripts" "$copy/tree/"
  printf '%s\n' "$3" >>"$copy/tree/$2"
  sed -i "s/^modules='/&\n${5:-}/" "$copy/tree/scripts/check-includes"
  if output=$("$copy/tree/scripts/check-includes" "$copy/tree" 2>&1); then
    echo "not found: $1"
    exit 1
  fi
  case $output in
    "$2:"*"$4"*) echo "found: $1" ;;
    *) printf 'wrong report for %s:\n%s\n' "$1" "$output"; exit 1 ;;
  esac
}

"$root/scripts/check-includes" "$root"
plant 'a higher row' lib/error.cc '#include "cli.hh"' 'not a lower row'
plant 'the same row' lib/json.cc '  # include "process.hh"' 'not a lower row'
plant 'a library past its wrapper' lib/text.cc '#include <fmt/format.h>' 'only lib/format may'
plant 'a library in a program' tools/qt-planted.cc '#include <boost/program_options.hpp>' 'only lib/cli may'
plant 'one program in another' tools/qt-planted.cc '#include "qt-fetch.cc"' 'includes the program'
plant 'a header that is not there' lib/text.cc '#include "strings_extra.hh"' 'no module of lib'
plant 'a module in no row' lib/planted.cc '#include "error.hh"' 'in no row'
plant 'an unknown library' lib/text.cc '#include <jansson.h>' 'no row of scripts/check-includes knows'
plant 'a module in two rows' scripts/check-includes '' 'error is in this table twice' '0.0 error'
plant 'a module that is gone' scripts/check-includes '' 'planted is in this table, not in lib' '0.0 planted'
