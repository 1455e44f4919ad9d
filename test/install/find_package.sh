#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Proves: find_package(koken) finds the installed (and moved) tree; the examples build with koken::koken
# and one with koken::static; koken_lint(TARGET) and the installed tool find the lint.
. "$(dirname "$0")/lib.sh"

mkdir "$work/consumer"
cat >"$work/consumer/CMakeLists.txt" <<EOF
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(koken 0.1 CONFIG REQUIRED)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
EOF
for name in $(examples); do
  first=${first:-$name}
  {
    echo "add_executable($name $(example_sources "$name"))"
    echo "target_link_libraries($name PRIVATE koken::koken m)"
  } >>"$work/consumer/CMakeLists.txt"
done
{
  # shellcheck disable=SC2154
  echo "add_executable(with_static $(example_sources "$first"))"
  echo "target_link_libraries(with_static PRIVATE koken::static m)"
  echo "koken_lint($first)"
} >>"$work/consumer/CMakeLists.txt"

cmake -S "$work/consumer" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 ||
  { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
for name in $(examples); do
  run_example "$name" "$work/build/$name"
  echo "$name: ok"
done
run_example "$first" "$work/build/with_static"
echo "$first, static: ok"

if command -v clang-query >/dev/null || command -v clang-query-14 >/dev/null; then
  cmake --build "$work/build" --target "lint-$first" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  # shellcheck disable=SC2046
  "$prefix/bin/koken" lint $(example_sources "$first")
  echo "koken_lint, koken lint: ok"
fi
