#!/bin/sh
# scripts/in-chroot, with a root folder made of this machine's own programs: the source is there and
# cannot be written, the build folder can, the status comes back, and no mount is left.
# Usage: in_chroot_test.sh SOURCE_ROOT
set -eu
if [ "${IN_CHROOT_TEST-}" != inside ]; then
  unshare --mount true 2>/dev/null || { echo "skipped: needs root and mount namespaces"; exit 77; }
  IN_CHROOT_TEST=inside exec unshare --mount "$0" "$1"
fi
work=$(mktemp -d)
trap 'umount "$work/root/usr"; rm -rf "$work"' EXIT

mkdir -p "$work/source with a space/scripts" "$work/root/usr"
cp "$1/scripts/in-chroot" "$work/source with a space/scripts"
cd "$work/source with a space"
for folder in dev etc proc sys tmp; do mkdir "$work/root/$folder"; done
for folder in bin lib lib32 lib64 sbin; do
  [ ! -e "/$folder" ] || ln -s "usr/$folder" "$work/root/$folder"
done
mount --bind /usr "$work/root/usr"
export QEMU_TEST_CACHE_DIR="$work/cache" CCACHE_DIR="$work/ccache" QEMU_TEST_CHROOTS="$work/chroots"

fail() {
  echo "$*"
  exit 1
}

status=0
scripts/in-chroot "$work/root" build-x sh -c '
  [ ! -e /boot ] && [ ! -e /home ] || exit 10 # this machine
  [ -e scripts/in-chroot ] || exit 11
  ! touch x 2>/dev/null || exit 12
  echo made >build-x/result || exit 13
  echo paid >"$QEMU_TEST_CACHE_DIR/payload" || exit 14
  [ -e /proc/self ] && [ -c /dev/null ] || exit 15
  exit 3' || status=$?
[ "$status" -eq 3 ] || fail "status $status instead of 3"
[ "$(cat build-x/result)" = made ] || fail "the build folder is not this one"
[ -e "$work/cache/payload" ] || fail "the cache is not this one"
[ "$(grep -c " $work" /proc/self/mounts)" -eq 1 ] || fail "mounts are left: $(grep " $work" /proc/self/mounts)"

# --bare: what was written and removed there is gone. Its root has the two programs that run there.
mkdir -p "$work/small"/dev "$work/small"/etc "$work/small"/proc "$work/small"/sys
for program in /bin/sh /usr/bin/env; do
  { echo "$program"; ldd "$program" | grep -o '/[^ ]*'; } | while read -r file; do
    mkdir -p "$work/small${file%/*}"
    cp -L "$file" "$work/small$file"
  done
done
mkdir -p "$work/small/bin" "$work/small/usr/bin"
cp -L /bin/sh "$work/small/usr/bin/sh"
status=0
scripts/in-chroot --bare "$work/small" build-x sh -c '
  [ -e scripts/in-chroot ] || exit 11
  echo made >/made && : >/etc/hosts || exit 12
  echo bare >build-x/result || exit 13
  exit 4' 2>"$work/said" || status=$?
if [ "$status" -eq 77 ]; then
  grep -q '^== SKIPPED: .* no overlay file system' "$work/said" || fail "$(cat "$work/said")"
else
  [ "$status" -eq 4 ] || fail "--bare: status $status instead of 4: $(cat "$work/said")"
  [ "$(cat build-x/result)" = bare ] || fail "--bare: the build folder is not this one"
fi
[ ! -e "$work/small/made" ] && [ ! -e "$work/small/etc/hosts" ] || fail "--bare: what was changed is not gone"

# A release that cannot be had, since apt knows no mirror, is skipped, and says so.
mkdir -p "$work/lists/partial"
printf 'Dir::Etc::%s "/dev/null";\n' sourcelist sourceparts >"$work/apt.conf"
echo "Dir::State::lists \"$work/lists\";" >>"$work/apt.conf"
status=0
APT_CONFIG=$work/apt.conf scripts/in-chroot trixie build-y true 2>"$work/said" || status=$?
[ "$status" -eq 77 ] || fail "status $status instead of 77"
grep -q '^== SKIPPED: nothing was run on trixie: ' "$work/said" || fail "$(cat "$work/said")"
[ ! -e "$work/chroots/trixie" ] || fail "half a chroot is left"
