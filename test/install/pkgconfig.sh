#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves: every example builds against the installed (and moved) tree by pkg-config, and prints what it
# should; one of them also links statically against libkoken.a.
. "$(dirname "$0")/lib.sh"
export PKG_CONFIG_PATH="$libdir/pkgconfig"

for name in $(examples); do
  # shellcheck disable=SC2046
  $CC -std=c11 -Wall -Wextra -Wpedantic -Werror -O2 -o "$work/$name" $(example_sources "$name") \
    $(pkg-config --cflags --libs koken) -lm
  run_example "$name" "$work/$name"
  echo "$name: ok"
  first=${first:-$name}
done

# shellcheck disable=SC2046
$CC -std=c11 -O2 -o "$work/static" $(example_sources "$first") $(pkg-config --cflags koken) \
  "$libdir/libkoken.a" $(pkg-config --static --libs koken | sed 's/-lkoken//') -lm
unset LD_LIBRARY_PATH
run_example "$first" "$work/static"
echo "$first, static: ok"
