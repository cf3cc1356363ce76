#!/bin/bash
# Usage: packages_test.sh SOURCE_ROOT BUILD
# What the packages say of themselves is true: the file list of the RPM spec is what "meson install"
# installs, its build requirements are the libraries of lib/meson.build, its version is that of
# meson.build, and pkg-config finds the programs. (The Debian package takes what is installed; its
# contents are compared by scripts/package-deb.)
set -eu
root=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
  echo "packages: $*"
  failed=1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$work/root" >"$work/log" 2>&1 || {
  cat "$work/log"
  exit 1
}
prefix=$(cd "$work/root" && find . -name bin -type d)
prefix=$work/root/${prefix%/bin}
(cd "$prefix" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) >"$work/installed"
[ "$(wc -l <"$work/installed")" -gt 20 ] || fail "hardly anything was installed: $(cat "$work/installed")"

# Patterns of files below the prefix, one a line.
patterns_of() {
  sed -n '/^%files/,/^%changelog/p' "$1" | sed -n 's,^%{_,,p' |
    sed -e 's,%{name},qemu-test-toolkit,' -e 's,^bindir},bin,' -e 's,^datadir},share,' -e 's,^mandir},share/man,'
}

# Differences between a spec's list and what is installed.
differences() {
  local pattern file listed
  while read -r pattern; do
    # shellcheck disable=SC2053 # a pattern
    while read -r file; do [[ $file != $pattern ]] || continue 2; done <"$work/installed"
    echo "nothing is installed that is $pattern"
  done < <(patterns_of "$1")
  while read -r file; do
    listed=
    while read -r pattern; do
      # shellcheck disable=SC2053
      [[ $file != $pattern ]] || listed=1
    done < <(patterns_of "$1")
    [ -n "$listed" ] || echo "$file is installed and not listed"
  done <"$work/installed"
}

spec=$root/scripts/rpm/qemu-test-toolkit.spec
found=$(differences "$spec")
[ -z "$found" ] || fail "$spec: $found"
sed '/qt-extract$/d; s/zsh/zshell/' "$spec" >"$work/planted.spec"
found=$(differences "$work/planted.spec")
[ "$(grep -c 'bin/qt-extract is installed\|share/zshell\|zsh/site-functions/_qt is installed' <<<"$found")" -eq 3 ] ||
  fail "a wrong file list is not noticed: $found"

version=$(sed -n "s/^  version: '\(.*\)',.*/\1/p" "$root/meson.build")
grep -q "^Version: *$version\$" "$spec" || fail "$spec is not of version $version"
grep -q " - $version-1\$" "$spec" || fail "$spec: no entry of $version in its change log"

# dep_x = dependency('NAME', version: '>= V'), but for what is no module of pkg-config.
sed -n "s/^ *dep_[a-z0-9]* = dependency('\([^']*\)'.*/\1/p" "$root/lib/meson.build" | sort -u |
  grep -vx -e threads -e dl -e boost |
  while read -r module; do
    grep -q "^BuildRequires: *pkgconfig($module)" "$spec" || echo "$spec does not require $module"
  done >"$work/requires"
[ ! -s "$work/requires" ] || fail "$(cat "$work/requires")"

if command -v rpmspec >/dev/null; then
  rpmspec -P "$spec" >/dev/null 2>"$work/log" || fail "rpmspec: $(cat "$work/log")"
fi

if command -v pkg-config >/dev/null; then
  export PKG_CONFIG_PATH=$prefix/share/pkgconfig
  found=$(pkg-config --modversion qemu-test-toolkit)
  [ "$found" = "$version" ] || fail "pkg-config knows version $found instead of $version"
  found=$(pkg-config --define-prefix --variable=bindir qemu-test-toolkit)
  [ "$("$found/qt-boot" --version)" = "qt-boot (qemu-test-toolkit) $version" ] ||
    fail "the program in the folder that pkg-config names says $("$found/qt-boot" --version)"
fi
exit "$failed"
