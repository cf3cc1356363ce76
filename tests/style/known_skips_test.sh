#!/bin/sh
# What scripts/known-skips makes of what qt-tap says and of a list; both are planted.
# Usage: known_skips_test.sh SOURCE_ROOT
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

known_skips() { # EXPECTED-STATUS [OPTION…]: its output in $work/out
  expected=$1
  shift
  status=0
  "$source_root/scripts/known-skips" --lists "$work/lists" "$@" "$work/build" >"$work/out" 2>&1 || status=$?
  [ "$status" -eq "$expected" ] || fail "status $status, expected $expected"
}
fail() {
  echo "$*"
  cat "$work/out"
  exit 1
}
says() { grep -qF -- "$1" "$work/out" || fail "it does not say: $1"; }
source_root=$1

mkdir -p "$work/bin" "$work/build/meson-info" "$work/lists"
cat >"$work/bin/qemu-system-vax" <<'END'
#!/bin/sh
echo "QEMU emulator version 3.1.4 (planted)"
END
cat >"$work/qt-tap" <<'END'
#!/bin/sh
[ "$QEMU_TEST_FLAKY_TESTS$1" = 1--dry-run ]
echo "# vax/boot:runs"
echo "# vax/boot:board"
echo "# skipped here: qemu-system-vax 3.1.4 has no machine vax780; did you mean 'vax750'?"
echo "# vax/boot:old[a,b]"
echo "# skipped here: needs the program no-such-program; install it"
echo "# skipped here: needs QEMU >= 8.0, < 9; /usr/bin/qemu-system-vax is 3.1.4"
echo "# vax/boot:host"
echo "# skipped here: qemu-system-vax has no accelerator kvm"
END
chmod +x "$work/bin/qemu-system-vax" "$work/qt-tap"
cat >"$work/build/meson-info/intro-tests.json" <<END
[{"name": "func-vax-boot", "cmd": ["$work/qt-tap"], "env": {}},
 {"name": "unit", "cmd": ["false"], "env": {}}]
END
PATH=$work/bin:$PATH
export PATH

known_skips 77
says "no list of QEMU 3.1"
known_skips 0 --update
grep -v '^#' "$work/lists/3.1" >"$work/lines"
diff - "$work/lines" <<'END'
vax/boot:board  machine vax780
vax/boot:old[a,b]  qemu-version >= 8.0, < 9
END
known_skips 0

sed -i '/vax780/d' "$work/lists/3.1"
known_skips 1
says "QEMU 3.1: vax/boot:board is skipped, for: machine vax780"
says "--update"

echo 'vax/boot:board  machine vax750  # renamed' >>"$work/lists/3.1"
known_skips 1
says "vax/boot:board is skipped, for: machine vax780; it is listed for: machine vax750"
known_skips 0 --update
grep -qxF 'vax/boot:board  machine vax780  # renamed' "$work/lists/3.1" || fail "the remark is lost"

# What is skipped while it runs: only a run tells.
ran() { # CAUSE: of boot:runs
  mkdir -p "$work/build/tests/functional/vax/boot.runs"
  echo "{\"cause\": \"$1\"}" >"$work/build/tests/functional/vax/boot.runs/verdict.json"
}
known_skips 0 --ran # nothing has run
ran skip
known_skips 0
known_skips 1 --ran
says "vax/boot:runs is skipped, for: at run time"
known_skips 0 --ran --update
grep -qxF 'vax/boot:runs  at run time' "$work/lists/3.1" || fail "it is not on the list"
known_skips 0 --ran
known_skips 0
known_skips 0 --update
grep -qxF 'vax/boot:runs  at run time' "$work/lists/3.1" || fail "an update without a run loses it"
ran pass
known_skips 1 --ran
says "vax/boot:runs is listed, for: at run time; it is not skipped"
known_skips 0 --ran --update

echo 'vax/boot:runs  device tape' >>"$work/lists/3.1"
known_skips 1
says "vax/boot:runs is listed, for: device tape; it is not skipped"
sed -i 's/device tape/&  # or not: a module/; $a vax/boot:host  device disk' "$work/lists/3.1"
known_skips 0
