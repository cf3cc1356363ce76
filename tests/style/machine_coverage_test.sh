#!/bin/sh
# What scripts/machine-coverage makes of emulators, of what qt-tap lists and of the exceptions; all
# are planted.
# Usage: machine_coverage_test.sh SOURCE_ROOT
set -eu
source_root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

coverage() { # EXPECTED-STATUS [OPTION…]: its output in $work/out
  expected=$1
  shift
  status=0
  "$source_root/scripts/machine-coverage" --qemu-dir "$work/bin" --qt-tap "$work/qt-tap" \
    --exceptions "$work/exceptions" "$@" >"$work/out" 2>&1 || status=$?
  [ "$status" -eq "$expected" ] || fail "status $status, expected $expected"
}
fail() {
  echo "$*"
  cat "$work/out"
  exit 1
}
says() { grep -qxF -- "$1" "$work/out" || fail "it does not say: $1"; }
hints() { grep -qF -- "$1" "$work/out" || fail "it does not say: $1"; }
exceptions() { printf '%s\n' '# why' "$@" >"$work/exceptions"; }

emulator() { # NAME VERSION: its machines are the standard input
  cat >"$work/bin/qemu-system-$1.machines"
  cat >"$work/bin/qemu-system-$1" <<END
#!/bin/sh
case \$1 in
  --version) echo "QEMU emulator version $2 (planted)" ;;
  -M) cat "$work/bin/qemu-system-$1.machines" ;;
esac
END
  chmod +x "$work/bin/qemu-system-$1"
}
mkdir "$work/bin"
exceptions
coverage 77 --check

emulator vax 3.1.4 <<'END'
Supported machines are:
vax750               the small one (default)
big                  the big one (alias of vax780)
vax780               the big one (deprecated)
vax8600              downloads only
vaxbar               only the monitor is asked
virt-2.12-sxxm       Virtual VAX
virt-2.9             Virtual VAX (deprecated)
virt                 Virtual VAX (alias of virt-3.1)
virt-3.0             Virtual VAX
virt-3.1             Virtual VAX
virt-2.12            Virtual VAX
vt                   disabled
none                 empty machine
END
ln -s qemu-system-vax "$work/bin/qemu-system-vaxel"
emulator pdp11 4.0 <<'END'
Supported machines are:
pdp11                PDP-11 | 70
END

subtest() { # ARCH NAME VM [ASSETS [REQUIRES]]
  echo "{\"arch\": \"$1\", \"name\": \"$1/$2\", \"phases\": [{}, {\"vms\": [$3]}]," \
    "\"assets\": [${4-}], \"requires\": {${5-}}}"
}
list() {
  echo '#!/bin/sh'
  echo "[ \"\$*\" = '--list --json planted.toml' ] || exit 2"
  echo "cat <<'JSON'"
  subtest vax boot:default '{}'
  subtest vaxel boot:alias '{"machine": "big,graphics=off"}' '{"path": "/usr/share/vax"}, {"env": "VAX"}'
  subtest vax boot:old '{"machine": "virt-3.0"}'
  subtest vax boot:load '{"machine": "vax8600"}' '{"urls": ["https://example.org"]}'
  subtest vax monitor:query '{"machine": "vaxbar", "console": false}'
  subtest vax boot:never '{"machine": "vt"}' '' '"disabled": "broken"'
  subtest vax boot:newer '{"machine": "vaxbar"}' '' '"qemu-version": ">= 3.2, < 4"'
  subtest vms boot:unknown '{"machine": "vax750"}'
  if [ $# -gt 0 ]; then "$@"; fi
  echo JSON
}
list >"$work/qt-tap"
chmod +x "$work/qt-tap"

coverage 0 planted.toml
diff - "$work/out" <<'END'
uncovered  pdp11 pdp11
covered    vax vax750 (default): vax/boot:default
covered    vax vax780 (deprecated, also big): vaxel/boot:alias
uncovered  vax vax8600: with downloads: vax/boot:load
uncovered  vax vaxbar
uncovered  vax virt (also virt-3.1)
uncovered  vax vt
7 boards: 2 covered, 0 excepted, 5 uncovered (1 of the last two by downloads only)
END

# A board that nothing boots fails the check, and each exception has to be true.
coverage 1 --check planted.toml
says 'uncovered  vax virt (also virt-3.1)'
hints 'Write a subtest that needs no download'
if grep -q '^covered' "$work/out"; then fail 'it says what is right'; fi
all='pdp11 pdp11 needs a tape
vax vax8600 only its kernel knows the console
vax vaxbar has no console
vax virt (QEMU >= 3.1, < 4.0) needs Xen
vax vt needs paper'
exceptions "$all"
coverage 0 --check planted.toml
says '7 boards: 2 covered, 5 excepted, 0 uncovered (1 of the last two by downloads only)'

exceptions "$(echo "$all" | sed 's/QEMU .* needs/QEMU >= 3.2) needs/')"
coverage 1 --check planted.toml
says 'uncovered  vax virt (also virt-3.1)'
exceptions "$(echo "$all" | sed 's/< 4.0/< 3.1.4/')"
coverage 1 --check planted.toml

exceptions "$all" 'vax wall needs a wall'
coverage 1 --check planted.toml
hints "qemu-system-vax 3.1.4 has no board wall"
exceptions "$all" 'vax wall (QEMU < 3.1) needs a wall' 'z8000 olivetti no such emulator here'
coverage 0 --check planted.toml

list subtest vax new:virt '{"machine": "virt-3.1"}' '' '"qemu-version": ">= 3.1, < 4"' >"$work/qt-tap"
exceptions "$all"
coverage 1 --check planted.toml
hints 'vax virt is covered by vax/new:virt; remove the line'

# A list that nobody can read.
exceptions 'vax vt needs paper' 'vax virt needs Xen'
coverage 2 planted.toml
hints 'exceptions:3: vax virt does not come after vax vt'
exceptions 'vax vt'
coverage 2 planted.toml
hints 'exceptions:2: a line is ARCH MACHINE REASON'
exceptions 'vax vt (QEMU => 3) paper'
coverage 2 planted.toml
hints "'=> 3' is not a bound"

# The other forms.
exceptions 'pdp11 pdp11 needs a tape'
coverage 0 --json planted.toml
python3 - "$work/out" <<'END'
import json, sys
boards = {board["machine"]: board for board in map(json.loads, open(sys.argv[1]))}
assert boards["virt"]["versions"][:2] == ["virt-3.1", "virt-3.0"], boards["virt"]
assert "virt-2.12-sxxm" in boards["virt"]["versions"], boards["virt"]
assert not boards["virt"]["deprecated"] and boards["vax780"]["deprecated"]
assert boards["virt"]["subtests"] == [{"name": "vax/new:virt", "downloads": False}]
assert boards["pdp11"]["reason"] == "needs a tape" and boards["pdp11"]["state"] == "excepted"
assert boards["vax8600"]["state"] == "uncovered" and boards["vax8600"]["subtests"][0]["downloads"]
END
coverage 0 --markdown planted.toml
# shellcheck disable=SC2016
says '| pdp11 | `pdp11` | PDP-11 \| 70 | needs a tape |  |'
# shellcheck disable=SC2016
says '| vax | `vax8600` | downloads only | **none** | 1 |'

# An emulator that does not answer is no board less.
echo 'exit 1' >>"$work/bin/qemu-system-pdp11"
coverage 2 planted.toml
hints 'qemu-system-pdp11 --version ended with 1'
