#!/bin/sh
# What shells offer for the programs is what the programs have: all of it, and nothing else.
# Usage: completion_test.sh SHELL TOOLS_DIR PROGRAM…
# SHELL is bash, zsh or fish; one that is not here is a skip (77).
set -eu
shell=$1 tools=$2
shift 2
command -v "$shell" >/dev/null || { echo "skipped: no $shell"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir bin home home/.config folder
HOME=$folder/home XDG_CONFIG_HOME=$folder/home/.config XDG_DATA_HOME=$folder/home/data
export HOME XDG_CONFIG_HOME XDG_DATA_HOME
: >a-file.toml
ln -s "$tools"/qt-* bin/ 2>/dev/null
# A program of that name that has one option only: nobody offers others for it.
mkdir other
printf '#!/bin/sh\nprintf -- "--only\\tone|other|N\\tthe only one\\n"\n' >other/qt-tap
chmod +x other/qt-tap
PATH=$folder/bin:$PATH
export PATH tools

# offered WORD…: what is offered for the last word, one a line, without descriptions, sorted.
case $shell in
  bash)
    cat >offer <<'END'
source "$tools/qt.bash"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_qt
printf '%s\n' "${COMPREPLY[@]}"
END
    offered() { bash offer "$@" | sort -u; } ;;
  fish)
    offered() {
      fish --private -c 'for file in $tools/qt-*.fish; source $file; end
        complete -C (string join " " -- $argv)' "$@" | cut -f1 | sort -u
    } ;;
  zsh)
    # The parts of zsh's own system that a terminal would need are played here: what our function
    # hands to them is what is offered.
    cat >offer <<'END'
setopt extendedglob
_call_program() { shift; "$@" }
_arguments() {
  local spec option value
  local -a names
  for spec in "$@"; do
    [[ $spec == \** && $spec != '*:'* ]] || continue
    option=${${spec#\*}%%\[*}
    option=${option%[=+]}
    value=${spec##*]}
    value=${value##*:}
    if [[ ${words[CURRENT-1]} == $option && $spec == *]:* ]]; then
      offer_action "$value"
      return
    fi
    names+=($option)
  done
  if [[ $words[CURRENT] == -* ]]; then
    print -l -- ${(M)names:#${words[CURRENT]}*}
  else
    offer_action _files
  fi
}
offer_action() {
  case $1 in
    '('*) print -l -- ${(M)${=${1#\(}%\)}:#${words[CURRENT]}*} ;;
    '_files -/') print -l -- ${words[CURRENT]}*(N/) ;;
    _files) print -l -- ${words[CURRENT]}*(N) ;;
    _command_names) print -l -- ${(M)${(k)commands}:#${words[CURRENT]}*} ;;
  esac
}
_files() { offer_action "_files${1:+ $1}" }
_normal() {
  if ((CURRENT == 1)); then offer_action _command_names; else _qt; fi
}
functions[_qt]=$(<$tools/qt.zsh)
typeset -a words
words=("$@") CURRENT=$#
_qt
END
    offered() { zsh -f offer "$@" | sort -u; } ;;
esac

failed=0
# expect WHAT EXPECTED WORD…
expect() {
  what=$1 expected=$2
  shift 2
  offered "$@" >got || true
  if [ "$(cat got)" = "$expected" ]; then
    echo "ok: $what"
  else
    printf 'FAILED: %s; expected\n%s\ngot\n%s\n' "$what" "$expected" "$(cat got)"
    failed=1
  fi
}

for program in "$@"; do
  all=$("$tools/$program" --options | cut -f1 | tr ' ' '\n' | sort -u)
  [ "$(echo "$all" | wc -l)" -gt 10 ]
  long=$(echo "$all" | grep '^--')
  expect "$program: all options" "$long" "$program" --
done
expect 'the program is asked, not a list' --only "$folder/other/qt-tap" --o
expect 'choices' "$(printf 'one\nother')" "$folder/other/qt-tap" --only o
expect 'choices of a real option' sandbox qt-tap --confine s
expect 'files' a-file.toml qt-tap --output x a-f
expect 'files for an option' a-file.toml qt-fetch --definition a-
expect 'another program after the second --' "$(printf -- '--wait\n--wait-regex')" \
  qt-boot --machine virt -- -m 5 -- qt-expect --wai
expect 'arguments of QEMU after the first --' a-file.toml qt-boot -- -bios a-f
expect 'a chain in a chain' --attach qt-boot -- -m 5 -- qt-boot -- -m 5 -- qt-expect --att
expect 'a program after -- of qt-tap' --attach qt-tap --name n -- qt-expect --att
exit "$failed"
