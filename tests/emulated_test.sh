#!/bin/sh
# Runs the kernel tests of a level that this machine lacks on an emulated processor. Where the machine
# has the level, its own run of the tests counts and this is a skip (exit code 77).
# usage: emulated_test.sh LEVEL PROGRAM COMMAND...
set -u
level=$1
program=$2
shift 2
"$program" "--isa=$level" --count >/dev/null 2>&1
case $? in
  0) echo "SKIPPED: this machine has $level itself"; exit 77 ;;
  77) exec "$@" "--isa=$level" ;;
  *) echo "$program --isa=$level --count failed" >&2; exit 1 ;;
esac
