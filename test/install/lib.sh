# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034
# For the scripts beside it: SCRIPT SOURCE_ROOT BUILD_DIR. Sets source, build, work (removed at exit),
# and prefix, where koken is installed.
set -eu
source=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CC=${CC:-cc}

# Installed to one place and moved to another: nothing in the tree may name the first.
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/prefix"
prefix=$work/prefix
libdir=$(dirname "$(find "$prefix" -name libkoken.so)")
export LD_LIBRARY_PATH="$libdir"

examples() {
  (cd "$source/examples" && find . -maxdepth 2 -name '*.c' | sed -e 's|^\./||' -e 's|/.*||' -e 's|\.c$||' | sort -u)
}

example_sources() {
  if [ -d "$source/examples/$1" ]; then
    echo "$source/examples/$1"/*.c
  else
    echo "$source/examples/$1.c"
  fi
}

run_example() {
  python3 "$source/test/example.py" "$source" "$1" "$2"
}
