#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures everything and writes bench/RESULTS.md with its JSON files and plots.
#
#   bench/results.sh [-r REPS] [-k KOKEN] [-p PEERS-LOG] [-o FOLDER]
#
#   -r  repetitions of each benchmark after a warm-up (default 10)
#   -k  the tool (default build/release/koken)
#   -p  a file of lines NAME PEER VALUE UNIT from the same machine and day, koken's among them: shown beside
#   -o  where JSON and plots go (default bench/results)
#
# It takes about REPS minutes. Nothing else should run meanwhile; the load at the start is written down.
set -euo pipefail
reps=10
koken=build/release/koken
peers=
out=bench/results
while getopts r:k:p:o: option; do
  case $option in
  r) reps=$OPTARG ;;
  k) koken=$OPTARG ;;
  p) peers=$OPTARG ;;
  o) out=$OPTARG ;;
  *) sed -n '3,12s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
  esac
done
mkdir -p "$out"
status=0

"$koken" bench all --reps "$reps" --json "$out/all.json" --markdown "$out/all.md" || status=1
counts=1
for ((n = 2; n <= $(nproc); n *= 2)); do counts="$counts $n"; done
for n in $counts; do
  "$koken" bench --workers "$n" --reps "$reps" --json "$out/workers-$n.json" \
    counting fanin-2 fanin-8 fanin-64 || status=1
done
if command -v gnuplot >/dev/null && command -v python3 >/dev/null; then
  python3 bench/plot/plot.py "$out" "$out/all.json" "$out"/workers-*.json
fi

{
  echo '# Results'
  echo
  echo 'Made by `bench/results.sh`; what each benchmark does stands at the top of its file in `bench/`.'
  echo 'Rates are better when higher, all other figures when lower. p99 is the bad end of the repetitions.'
  echo 'Rows ending in -1w: one worker, the process pinned to one core.'
  echo
  cat "$out/all.md"
  if [ -n "$peers" ]; then
    printf '\n## Beside others\n\n'
    echo 'Medians of the same work in one session on the same machine; the best peer is bold.'
    echo
    "$koken" bench --peers "$peers"
  fi
  if [ -e bench/NOTES.md ]; then
    printf "\n"
    cat bench/NOTES.md
  fi
  for picture in latency workers scale table; do
    if [ -e "$out/$picture.svg" ]; then
      printf '\n![%s](%s)\n' "$picture" "${out#bench/}/$picture.svg"
    fi
  done
} >bench/RESULTS.md
[ "$status" -eq 0 ] || echo 'koken: some benchmarks failed, see above' >&2
exit "$status"
