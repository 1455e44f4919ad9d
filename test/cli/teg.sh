#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# koken teg: teg.sh PATH-OF-KOKEN. Ends with `N passed, M failed`; exit status 1 if anything failed.
set -u
koken=${1:?usage: teg.sh PATH-OF-KOKEN}
koken=$(cd "$(dirname "$koken")" && pwd)/$(basename "$koken")
corpus=$(cd "$(dirname "$0")/../fuzz/corpus/teg" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0
failed=0

# expect WHAT STATUS STREAM PATTERN COMMAND...: STREAM is out or err; the other stream is not looked at.
expect() {
  local what=$1 status=$2 stream=$3 pattern=$4 got
  shift 4
  timeout 120 "$@" >out 2>err </dev/null
  got=$?
  if [ "$got" -eq "$status" ] && grep -Eq -- "$pattern" "$stream"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s: exit %d (expected %d), %s lacks /%s/\n' "$what" "$got" "$status" "$stream" "$pattern"
    sed 's/^/  | /' out err | head -n 12
  fi
}

echo '{"teg":1,"nodes":[{"id":"a","effect":"fail","number":1},{"id":"b","effect":"sum","after":["a"]},
  {"id":"c","effect":"number","number":3}]}' >fails.json
echo '{"teg":1,"nodes":[{"id":"z","effect":"sleep","number":60000}]}' >sleeps.json

expect help 0 out 'usage: koken teg' "$koken" teg --help
expect 'no file' 2 err "missing 'FILE'" "$koken" teg
expect 'unknown option' 2 err 'unknown option' "$koken" teg --nope x
expect 'bad number' 2 err 'in range' "$koken" teg -w 0 x
expect 'bad timeout' 2 err 'in range' "$koken" teg -t -1 x
expect 'two files' 2 err "one file, not also 'y'" "$koken" teg x y
expect 'missing file' 1 err 'koken teg: no-such.json: No such file' "$koken" teg no-such.json
expect 'a run' 0 out '^sum +Completed .* 42$' "$koken" teg -q -w 2 -m m -d d -T t "$corpus/all.json"
expect mermaid 0 out '^graph TD' cat m
expect dot 0 out '^digraph' cat d
expect trace 0 out '"ph":"X"' cat t
expect json 0 out '"id":"sum","state":"Completed","ns":[0-9]+,"number":42' "$koken" teg -j "$corpus/all.json"
expect repeated 0 out '^8 completed' "$koken" teg -r 20 "$corpus/all.json"
expect check 0 out '^10 nodes, 9 links' "$koken" teg -c -m m "$corpus/all.json"
echo '{"teg":1,"nodes":[{"id":"r","race":[]}]}' >nothing.json
expect 'a race of nothing' 1 err 'InvalidGraph: r makes no sense' "$koken" teg nothing.json
echo '{"teg":1,"nodes":[{"id":"\u001b[2Jr","effect":"number","number":1}]}' >escape.json
expect 'names are only text' 0 out '^ \[2Jr  +Completed' "$koken" teg escape.json
expect cycle 1 err 'CyclicDependency: a -> a' "$koken" teg "$corpus/cycle.json"
expect 'fails fast' 1 out '^b +Cancelled' "$koken" teg fails.json
expect isolated 1 out '^c +Completed .* 3$' "$koken" teg -i fails.json
expect 'model, new' 0 out 'completed' "$koken" teg -r 3 -M model "$corpus/all.json"
expect 'model, kept' 0 out '^koken-teg-model 1' cat model
expect 'model, again' 0 out 'completed' "$koken" teg -M model "$corpus/all.json"
echo damaged >damaged
expect 'model, damaged' 1 err 'damaged: not a model' "$koken" teg -M damaged "$corpus/all.json"
echo 'koken-teg-model 2' >newer
expect 'model, newer' 1 err 'newer: a model of another version' "$koken" teg -M newer "$corpus/all.json"
expect 'takes too long' 1 out '^z +Cancelled' "$koken" teg -t 0.02 sleeps.json
expect 'cannot draw' 1 err 'cannot write' "$koken" teg -d no/such/place "$corpus/all.json"
echo 'nonsense' >bad.json
expect 'no JSON' 1 err 'bad.json: line 1' "$koken" teg bad.json

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
