#!/bin/sh
# Usage: has_firmware.sh QEMU NAME [COPY]
# Whether QEMU finds the firmware by itself; else the status is 77, which skips the subtest. For what
# not every distribution packages, and without which QEMU ends by an assertion. With COPY it is copied
# there: for options that take no name but a path.
"$1" -L help | {
  while read -r folder; do
    [ -e "$folder/$2" ] || continue
    [ $# -eq 2 ] || cat "$folder/$2" >"$3"
    exit
  done
  echo "$1 does not come with $2"
  exit 77
}
