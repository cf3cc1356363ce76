#!/bin/sh
# Plants one violation of each rule in a copy of the sources; scripts/check-includes must name it.
# Usage: check_includes_test.sh SOURCE_ROOT
set -eu
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# plant NAME FILE LINE EXPECTED: adds LINE to FILE of a fresh copy.
plant() {
  rm -rf "$copy/tree"
  mkdir "$copy/tree"
  cp -r "$root/lib" "$root/tools" "$root/scripts" "$copy/tree/"
  chmod -R u+w "$copy/tree"
  mkdir -p "$copy/tree/$(dirname "$2")"
  printf '%s\n' "$3" >>"$copy/tree/$2"
  if output=$("$copy/tree/scripts/check-includes" "$copy/tree" 2>&1); then
    echo "not found: $1"
    exit 1
  fi
  case $output in
    *"$2:"*"$4"*) echo "found: $1" ;;
    *) printf 'wrong report for %s:\n%s\n' "$1" "$output"; exit 1 ;;
  esac
}

"$root/scripts/check-includes" "$root"
plant 'a folder above' lib/base/error.cc '#include "os/fd.hh"' 'which the table in lib/meson.build does not allow'
plant 'a folder beside' lib/fetch/url.cc '  # include "extract/archive.hh"' 'does not allow'
plant 'a circle' lib/base/error.hh '#include "base/timeout_multiplier.hh"' 'a circle'
plant 'a library past its wrapper' lib/base/text.cc '#include <fmt/format.h>' 'only lib/base/format may'
plant 'a library in a program' tools/qt-planted.cc '#include <boost/program_options.hpp>' 'only lib/cli/cli may'
plant 'one program in another' tools/qt-planted.cc '#include "qt-fetch.cc"' 'includes the program'
plant 'a header that is not there' lib/base/text.cc '#include "base/strings_extra.hh"' 'no module of lib'
plant 'a header without its folder' lib/base/text.cc '#include "error.hh"' 'without its folder'
plant 'a module in no folder' lib/planted.cc '#include "base/error.hh"' 'lies in no folder'
plant 'a wait of its own' lib/boot/relay.cc '#include <poll.h>' 'only lib/os/event_loop may'
plant 'an unknown library' lib/base/text.cc '#include <jansson.h>' 'scripts/check-includes does not know'
plant 'a header of one processor' lib/base/text.cc '#include <immintrin.h>' 'outside of an #if'
rm -rf "$copy/tree"
plant 'a row for a folder below' lib/meson.build "folder_table = {
  'planted':    ['attic'],
}" 'may include attic, which does not stand above it'

mkdir "$copy/tree/lib/cellar"
if output=$("$copy/tree/scripts/check-includes" "$copy/tree" 2>&1); then exit 1; fi
case $output in
  *'folder cellar of lib is not in its table'*) echo 'found: a folder in no row' ;;
  *) printf 'wrong report:\n%s\n' "$output"; exit 1 ;;
esac
