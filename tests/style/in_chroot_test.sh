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

# A release that cannot be had, since apt knows no mirror, is skipped, and says so.
mkdir -p "$work/lists/partial"
printf 'Dir::Etc::%s "/dev/null";\n' sourcelist sourceparts >"$work/apt.conf"
echo "Dir::State::lists \"$work/lists\";" >>"$work/apt.conf"
status=0
APT_CONFIG=$work/apt.conf scripts/in-chroot trixie build-y true 2>"$work/said" || status=$?
[ "$status" -eq 77 ] || fail "status $status instead of 77"
grep -q '^== SKIPPED: nothing was run on trixie: ' "$work/said" || fail "$(cat "$work/said")"
[ ! -e "$work/chroots/trixie" ] || fail "half a chroot is left"
