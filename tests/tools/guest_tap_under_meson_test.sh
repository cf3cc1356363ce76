#!/bin/sh
# What Meson makes of a definition whose guest runs tests of its own: how many there are is only
# known when it has run, so that the plan comes last. A PC boots a disk that prints TAP.
# Usage: guest_tap_under_meson_test.sh QT_TAP    (MESON: another Meson than the one on PATH)
set -eu
meson=${MESON:-meson}
for program in "$meson" qemu-system-x86_64; do
  command -v "$program" >/dev/null || { echo "skipped: no $program on PATH"; exit 77; }
done
unset MESON_TEST_ITERATION QEMU_TEST_QEMU_BINARY # of the Meson that runs this one
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/x86_64"

# make_guest NAME TAP [STEP]: a definition NAME whose guest prints TAP, in printf's form, on its
# first serial port. The code of its boot sector, and the text after it at 0x7c16:
#   mov si,0x7c16; xor ax,ax; mov ds,ax; cld; mov dx,0x3f8
#   next: lodsb; test al,al; jz end; out dx,al; jmp next
#   end: hlt; jmp end
make_guest() {
  disk=$folder/x86_64/$1.disk
  printf '\276\026\174\061\300\216\330\374\272\370\003\254\204\300\164\003\356\353\370\364\353\375' >"$disk"
  printf "$2" >>"$disk"
  [ "$(wc -c <"$disk")" -lt 510 ] || { echo "$1: too long for a boot sector"; exit 1; }
  truncate -s 510 "$disk"
  printf '\125\252' >>"$disk"
  truncate -s 1M "$disk"
  cat >"$folder/x86_64/$1.toml" <<DEFINITION
[test.before]
machine = "none"
console = false
steps = [{ qmp = "query-status" }]
[test.guest]
machine = "pc"
args = ["-net", "none", "-drive", "file=\${data}/$1.disk,format=raw,snapshot=on"]
steps = [{ tap = ${3:-true} }, { qmp = "query-status" }]
DEFINITION
}
make_guest passes 'TAP version 13\r\n1..3\r\nok 1 adds\r\nok 2 divides # SKIP no FPU\r\nok 3 moves\r\n'
make_guest fails 'TAP version 13\r\n1..3\r\nok 1 adds\r\nnot ok 2 divides\r\nok 3 moves\r\n'
make_guest short 'TAP version 13\r\n1..3\r\nok 1 adds\r\nok 2 divides\r\nthe end\r\n' '"the end"'
make_guest bails 'TAP version 13\r\n1..3\r\nok 1 adds\r\nBail out! no memory\r\n'

cat >"$folder/meson.build" <<'PROJECT'
project('guest-tap')
tap = find_program(get_option('tap'))
foreach name : ['passes', 'fails', 'short', 'bails']
  test(name, tap, protocol: 'tap',
    args: ['--under-meson', '--output', meson.current_build_dir() / 'out', files('x86_64' / name + '.toml')])
endforeach
PROJECT
echo "option('tap', type: 'string')" >"$folder/meson_options.txt"

cd "$folder"
"$meson" --version
"$meson" setup -Dtap="$1" build >setup.log || { cat setup.log; exit 1; }
! "$meson" test -C build >test.log 2>&1 || { echo "nothing failed"; cat test.log; exit 1; }

show() {
  echo "$1"
  cut -c1-1500 build/meson-logs/testlog.json
  cat build/meson-logs/testlog.junit.xml
  exit 1
}
# the_result NAME RESULT CASES: Meson's result of the definition, and how many results are in it.
the_result() {
  grep "\"name\": \"[a-z:-]*$1\"" build/meson-logs/testlog.json | grep -q "\"result\": \"$2\"" ||
    show "$1 is not $2:"
  found=$(tr -d '\n' <build/meson-logs/testlog.junit.xml | sed 's/<testsuite /\n&/g' |
    grep "^<testsuite name=\"[^\"]*$1\"" | grep -o '<testcase ' | wc -l)
  [ "$found" -eq "$3" ] || show "$1 has $found results, not $3:"
}
# has NAME PATTERN: such a test case is in the definition's.
has() {
  tr -d '\n' <build/meson-logs/testlog.junit.xml | sed 's/<testsuite /\n&/g; s/<testcase /\n&/g' |
    awk -v suite="$1\"" '/^<testsuite / { inside = index($0, suite) } inside' | grep -q "$2" ||
    show "$1 has no $2"
}

the_result passes OK 5
has passes '<testcase name="[0-9 ]*guest/adds"[^>]*/>'
has passes '<testcase name="[0-9 ]*guest/divides"[^>]*><skipped'
the_result fails FAIL 5
has fails '<testcase name="[0-9 ]*before"[^>]*/>'
has fails '<testcase name="[0-9 ]*guest"[^>]*/>' # its own steps have passed
has fails '<testcase name="[0-9 ]*guest/divides"[^>]*><failure'
has fails '<testcase name="[0-9 ]*guest/moves"[^>]*/>'
the_result short FAIL 4
has short '<testcase name="[0-9 ]*guest"[^>]*><failure'
has short '<testcase name="[0-9 ]*guest/adds"[^>]*/>'
the_result bails FAIL 3
has bails '<testcase name="[0-9 ]*guest"[^>]*><failure'
# The plan is the last line of each, and the reasons are told.
grep -q '^1\.\.5' build/meson-logs/testlog.txt || show "no plan of 5"
grep -q 'no memory' build/meson-logs/testlog.txt || show "nobody says why the guest gave up"
