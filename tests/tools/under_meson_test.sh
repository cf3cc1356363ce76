#!/bin/sh
# What Meson makes of a definition of which a subtest fails: FAIL with both subtests' results, not
# ERROR; a test that should fail passes; every repetition has folders of its own.
# Usage: under_meson_test.sh QT_TAP    (MESON: another Meson than the one on PATH)
set -eu
meson=${MESON:-meson}
command -v "$meson" >/dev/null || { echo "skipped: no meson on PATH"; exit 77; }
unset MESON_TEST_ITERATION # of the Meson that runs this one
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

mkdir "$folder/x86_64"
cat >"$folder/x86_64/host.toml" <<'DEFINITION'
summary = "One is true, one is not"
[test.good]
steps = [{ run = ["true"] }]
[test.bad]
steps = [{ run = ["false"] }]
DEFINITION
cat >"$folder/x86_64/flaky.toml" <<DEFINITION
[test.second]
steps = [{ run = ["mkdir", "$folder/was-here"], status = 1 }]
DEFINITION
cat >"$folder/meson.build" <<'PROJECT'
project('under-meson')
tap = find_program(get_option('tap'))
expected = meson.version().version_compare('>= 1.11') ? 'expected_fail' : 'should_fail'
output = meson.current_build_dir() / 'out'
file = files('x86_64/host.toml')
arguments = ['--under-meson', '--output', output, file]
test('fails', tap, args: arguments, protocol: 'tap')
test('passes', tap, args: ['--under-meson', '--output', output / 'repeated', '--filter', 'good', file], protocol: 'tap')
test('wrapped', tap, args: ['--under-meson', '--name', 'false', '--', 'false'], protocol: 'tap')
test('flaky', tap, args: ['--under-meson', '--retries', '1', '--retry-all', '--output', output, files('x86_64/flaky.toml')], protocol: 'tap')
test('expected', tap, args: arguments, protocol: 'tap', kwargs: {expected: true})
PROJECT
echo "option('tap', type: 'string')" >"$folder/meson_options.txt"

# the_results NAME RESULT COUNT: the test has it so often, whatever else is in the log.
the_results() {
  found=$(grep "\"name\": \"[a-z:-]*$1\"" "$folder/build/meson-logs/testlog.json" | grep -c "\"result\": \"$2\"" || true)
  [ "$found" -eq "$3" ] || {
    echo "$1: $found of $3 are $2:"
    cut -c1-400 "$folder/build/meson-logs/testlog.json"
    exit 1
  }
}

cd "$folder"
"$meson" --version
"$meson" setup -Dtap="$1" build >setup.log || { cat setup.log; exit 1; }
! "$meson" test -C build fails wrapped expected >test.log 2>&1 || { echo "nothing failed"; exit 1; }
the_results fails FAIL 1
the_results wrapped FAIL 1
the_results expected EXPECTEDFAIL 1
grep -q '<testcase name="[0-9 ]*bad"[^>]*><failure' build/meson-logs/testlog.junit.xml
grep -q '<testcase name="[0-9 ]*good"[^>]*/>' build/meson-logs/testlog.junit.xml

# What passes only when it is run again.
"$meson" test -C build flaky >test.log 2>&1 || { cat test.log; exit 1; }
the_results flaky OK 1
grep -q 'ok 1 second # flaky: passed in try 2; try 1: assertion: ' build/meson-logs/testlog.txt
grep -q '<testcase name="[0-9 ]*second"[^>]*/>' build/meson-logs/testlog.junit.xml

# A failure would end the repeating.
"$meson" test -C build --repeat 5 passes >test.log 2>&1 || { cat test.log; exit 1; }
the_results passes OK 5
found=$(find build/out/repeated/x86_64 -name 'host.good*' -type d | wc -l)
[ "$found" -eq 5 ] || { echo "$found folders of 5 repetitions:"; ls -a build/out/repeated/x86_64; exit 1; }
