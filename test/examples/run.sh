#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the examples and looks at what they say: run.sh FOLDER_OF_THE_PROGRAMS
#
# Every examples/NAME.c by test/example.py; the swarm with several workers, shards and seeds, with broken
# and with unusual bars, with bad options. The last line counts: `N passed, M failed`.
set -u

programs=$(cd "${1:?usage: run.sh FOLDER_OF_THE_PROGRAMS}" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root" || exit 2
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

# check NAME COMMAND...: the command must answer 0.
check()
{
    name=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
    fi
}

swarm()
{
    timeout 120 "$programs/trading_swarm" "$@"
}

# The part of the JSON that depends on bars, ticks and seed alone.
ledger()
{
    sed -n '/"ledger"/,/^  },/p' "$1"
}

# run_swarm NAME OPTION...: must balance; its ledger goes to NAME.ledger.
run_swarm()
{
    run=$scratch/$1
    shift
    swarm --ticks 12 --json "$run.json" "$@" >"$run.out" 2>"$run.err" || {
        cat "$run.out" "$run.err"
        return 1
    }
    ledger "$run.json" >"$run.ledger"
    [ "$(grep -c ': balances$' "$run.out")" = 2 ] && [ -s "$run.ledger" ]
}

same()
{
    cmp "$scratch/$1" "$scratch/$2"
}

differ()
{
    ! cmp -s "$scratch/$1" "$scratch/$2"
}

# A bad file is told line by line, nothing is traded, the exit status is 2.
refuses_bars()
{
    bars=${1#"$root"/}
    swarm --csv "$bars" >"$scratch/out" 2>"$scratch/err"
    [ $? = 2 ] || return 1
    { cat "${bars%.csv}.err" && echo "trading_swarm: nothing was traded"; } >"$scratch/expected"
    diff "$scratch/expected" "$scratch/err" && [ ! -s "$scratch/out" ]
}

refuses_options()
{
    swarm "$@" >"$scratch/out" 2>"$scratch/err"
    [ $? = 2 ] && [ -s "$scratch/err" ] && [ ! -s "$scratch/out" ]
}

says_help()
{
    swarm --help >"$scratch/out" 2>"$scratch/err" && [ ! -s "$scratch/err" ] &&
        grep -q -e --workers "$scratch/out"
}

is_json()
{
    python3 -m json.tool "$1" >/dev/null
}

for source in examples/*.c; do
    name=$(basename "$source" .c)
    check "$name" python3 test/example.py "$root" "$name" "$programs/$name"
done

check "swarm, known ledger" python3 test/example.py "$root" trading_swarm "$programs/trading_swarm"
check "swarm, 1 worker" run_swarm one --workers 1
check "swarm, 2 workers" run_swarm two --workers 2
check "swarm, 2 workers again" run_swarm again --workers 2
check "swarm, 4 workers, 1 shard" run_swarm four --workers 4 --shards 1
check "swarm, 3 workers, 16 shards" run_swarm three --workers 3 --shards 16
check "swarm, mailboxes of 2" run_swarm narrow --workers 2 --mailbox 2
check "swarm, another seed" run_swarm other --workers 2 --seed 2
check "1 and 2 workers, one ledger" same one.ledger two.ledger
check "twice 2 workers, one ledger" same two.ledger again.ledger
check "1 shard, one ledger" same one.ledger four.ledger
check "16 shards, one ledger" same one.ledger three.ledger
check "mailboxes of 2, one ledger" same one.ledger narrow.ledger
check "another seed, another ledger" differ one.ledger other.ledger
check "JSON" is_json "$scratch/one.json"
check "bars of one's own" run_swarm own --csv test/examples/good/own_bars.csv
check "bars of one's own, symbol" grep -q '"symbol": "own_bars"' "$scratch/own.ledger"
check "bars of another tool" run_swarm tool --csv test/examples/good/other_tool.csv
check "two files" run_swarm files --csv examples/trading_swarm/data/stocks-monthly.csv \
    --csv=test/examples/good/own_bars.csv

for bars in "$here"/bad/*.csv; do
    check "bad bars, $(basename "$bars" .csv)" refuses_bars "$bars"
done

check "no such file" refuses_options --csv "$scratch/none.csv"
check "a folder" refuses_options --csv "$scratch"
check "no such option" refuses_options --bogus
check "a word" refuses_options bogus
check "no value" refuses_options --ticks
check "too few ticks" refuses_options --ticks 3
check "not a number" refuses_options --workers two
check "no workers" refuses_options --workers 0
check "negative" refuses_options --seed -1
check "number too large" refuses_options --seed 99999999999999999999
check "--help" says_help

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
