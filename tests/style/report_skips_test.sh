#!/bin/sh
# What scripts/report-skips finds in the log of a run, and what it leaves out.
# Usage: report_skips_test.sh SOURCE_ROOT
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# As Meson writes it: a line a test.
cat >"$work/testlog.json" <<'END'
{"name": "skipped whole", "stdout": "TAP version 13\n1..0 # SKIP no qemu-system-pdp11 on PATH; install it if\n", "result": "SKIP"}
{"name": "passed for the rest", "stdout": "TAP version 13\n1..3\nok 1 a\nok 2 b # SKIP needs the program no-such-program; install it\nok 3 c # SKIP /no/such/file is not there; install what brings it\n", "result": "OK"}
{"name": "googletest", "stdout": "[ RUN      ] A.B\n../a_test.cc:44: Skipped\nno qemu-system-pdp11 on this host\n\n[  SKIPPED ] A.B (0 ms)\n", "result": "OK"}
{"name": "script", "stdout": "skipped: no no-such-formatter\n", "result": "SKIP"}
{"name": "two", "stdout": "1..0 # SKIP needs the programs no-such-a and no-such-b; install them\n", "result": "SKIP"}
{"name": "not to be mended", "stdout": "1..1\nok 1 a # SKIP slow; set QEMU_TEST_ALLOW_SLOW\n", "result": "SKIP"}
{"name": "passed", "stdout": "1..1\nok 1 says no qemu-system-vax on PATH\n", "result": "OK"}
END
"$1/scripts/report-skips" "$work/testlog.json" >"$work/report"

sed 's/^ *//; s/  *(no package.*//' "$work/report" >"$work/found"
cat >"$work/expected" <<'END'

skipped for want of something to install:
times  what                                      package
1  /no/such/file
1  no-such-a
1  no-such-b
1  no-such-formatter
1  no-such-program
2  qemu-system-pdp11

END
diff "$work/expected" "$work/found"

# Nothing to say is nothing said.
echo '{"name": "passed", "stdout": "", "result": "OK"}' >"$work/testlog.json"
test -z "$("$1/scripts/report-skips" "$work/testlog.json")"
