# For tests in bash that start daemons.

# wait_until TENTHS COMMAND…: until the command succeeds, at most so many tenths of a second.
wait_until() {
  for _ in $(seq "$1"); do
    "${@:2}" && return
    sleep 0.1
  done
  return 1
}
