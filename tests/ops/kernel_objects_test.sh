#!/bin/sh
# Fails if an object compiled for one instruction-set level holds a weak symbol.
# usage: kernel_objects_test.sh NM OBJECT...
set -eu
nm=$1
shift
if [ $# -lt 3 ]; then
  echo "expected the objects of at least three levels, found $#" >&2
  exit 1
fi
status=0
for object in "$@"; do
  weak=$("$nm" -C "$object" | grep -E ' [VvWwu] ' || true)
  if [ -n "$weak" ]; then
    echo "$object has weak symbols:" >&2
    echo "$weak" >&2
    status=1
  fi
done
echo "$# kernel objects looked at"
exit $status
