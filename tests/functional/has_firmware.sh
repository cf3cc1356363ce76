#!/bin/sh
# Usage: has_firmware.sh QEMU NAME
# Whether QEMU finds the firmware by itself; else the status is 77, which skips the subtest. For what
# not every distribution packages, and without which QEMU ends by an assertion.
"$1" -L help | {
  while read -r folder; do
    [ ! -e "$folder/$2" ] || exit 0
  done
  echo "$1 does not come with $2"
  exit 77
}
