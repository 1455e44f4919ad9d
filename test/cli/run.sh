#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The tool's own tests: run.sh PATH-OF-KOKEN. Each case runs the tool and looks at its exit status and its
# output. Ends with `N passed, M failed`; exit status 1 if anything failed.
set -u
koken=${1:?usage: run.sh PATH-OF-KOKEN}
koken=$(cd "$(dirname "$koken")" && pwd)/$(basename "$koken")
root=$(cd "$(dirname "$0")/../.." && pwd)
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

# holds WHAT COMMAND...: the command succeeds.
holds() {
  local what=$1
  shift
  if "$@" >out 2>err </dev/null; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s\n' "$what"
    sed 's/^/  | /' out err | head -n 12
  fi
}

# ---- the command line -----------------------------------------------------------------------------------

expect 'help goes to stdout' 0 out '^usage: koken COMMAND' "$koken" --help
holds 'help fits a screen' bash -c "[ \$('$koken' --help | wc -l) -le 24 ]"
holds 'help of bench fits a screen' bash -c "[ \$('$koken' bench --help | wc -l) -le 24 ]"
expect 'version' 0 out '[0-9]+\.[0-9]+\.[0-9]+' "$koken" --version
expect 'no command is misuse' 2 err 'koken --help' "$koken"
expect 'unknown command is misuse' 2 err "unknown command 'dance'" "$koken" dance
expect 'unknown option is misuse' 2 err "unknown option '--dance'" "$koken" --dance
expect 'unknown benchmark is misuse' 2 err "unknown benchmark 'dance'" "$koken" bench dance
holds 'misuse prints nothing on stdout' bash -c "[ -z \"\$('$koken' bench dance 2>/dev/null)\" ]"
holds 'misuse prints one line' bash -c "[ \$('$koken' bench dance 2>&1 | wc -l) -eq 1 ]"
expect 'zero workers are misuse' 2 err "number in range" "$koken" bench --workers 0 pingpong
expect 'workers are a number' 2 err "number in range" "$koken" bench --workers many pingpong
expect 'an option lacks its value' 2 err 'missing value' "$koken" bench --workers
expect 'unknown option of bench' 2 err "dance" "$koken" bench --dance
expect 'doctor takes no argument' 2 err "dance" "$koken" doctor dance
expect 'help of doctor' 0 out '^usage: koken doctor' "$koken" doctor --help
expect 'the list names pingpong' 0 out '^pingpong ' "$koken" bench --list
expect 'bench without a name lists' 0 out '^skynet ' "$koken" bench
holds 'each listed name is accepted' bash -c \
  "'$koken' bench --list | while read -r name _; do '$koken' bench --list \"\$name\" >/dev/null || exit 1; done"

# ---- run ------------------------------------------------------------------------------------------------

kasm=$root/examples/kasm
expect 'run gives 42' 0 out '^42$' "$koken" run "$kasm/answer.kasm"
expect 'run loops' 0 out '^5050$' "$koken" run "$kasm/sum.kasm"
expect 'run traces' 0 err '^ +2 +2 +return r1 +gas 999898$' "$koken" run --trace "$kasm/answer.kasm"
expect 'run gives a witness' 0 out '^7$' "$koken" run --witness 7 "$kasm/answer.kasm"
expect 'run writes JSON' 0 out '"ok": true, "value": "7", "gas": 34,' "$koken" run --json "$kasm/ticket.kasm"
expect 'a ticket is transferred once' 1 err 'RegisterAlreadyConsumed' "$koken" run "$kasm/ticket_twice.kasm"
expect 'errors are JSON' 1 out '"error": "LinearityViolation", .*"pc": 4, "register": 2' \
  "$koken" run --json "$kasm/ticket_twice.kasm"
expect 'run stops at its gas' 1 err 'OutOfGas' "$koken" run --gas 20 "$kasm/sum.kasm"
expect 'strict wants witnesses' 1 err 'NoWitnessProvider' "$koken" run --strict "$kasm/answer.kasm"
expect 'run prints a program' 0 out '^    return r1$' "$koken" run --print "$kasm/answer.kasm"
expect 'run assembles' 0 out '^$' bash -c "'$koken' run -o answer.bin '$kasm/answer.kasm' && echo"
expect 'run reads bytes' 0 out '^42$' "$koken" run answer.bin
expect 'run reads bytes from a pipe' 0 out '^5050$' bash -c "'$koken' run -o - '$kasm/sum.kasm' | '$koken' run -"
expect 'run disassembles' 0 out '^    return r1$' "$koken" run --disassemble answer.bin
holds 'text and bytes are the same program' bash -c \
  "'$koken' run -d answer.bin >a.kasm && '$koken' run -o again.bin a.kasm && cmp answer.bin again.bin"
expect 'bytes that were cut' 1 err 'BadBytes' bash -c "head -c 9 answer.bin >cut.bin; '$koken' run cut.bin"
expect 'bytes of another version' 1 err 'BadBytes' bash -c "printf 'KASM\\2more' >other.bin; '$koken' run other.bin"
expect 'a text may begin so, too' 1 err 'SyntaxError' bash -c "printf 'KASMA r1\\n' >a.kasm; '$koken' run a.kasm"
expect 'a file that cannot be written' 1 err 'no-such-folder' \
  "$koken" run -o no-such-folder/x "$kasm/answer.kasm"
expect 'output wants a file' 2 err 'expected a file' "$koken" run -o
expect 'run wants a program' 2 err "missing" "$koken" run
expect 'run wants one program' 2 err "one program" "$koken" run a b
expect 'run wants a number' 2 err "number in range" "$koken" run --gas many a
expect 'run knows its options' 2 err "dance" "$koken" run --dance
expect 'a file that is not there' 1 err 'No such file' "$koken" run nowhere.kasm

# ---- sim and stress -------------------------------------------------------------------------------------

expect 'stress finds nothing wrong' 0 out 'runs, nothing wrong' "$koken" stress -n 2
expect 'stress knows its workloads' 2 err "dance" "$koken" stress -w dance
expect 'stress lists' 0 out '^fan_in ' "$koken" stress --list
expect 'why needs a socket' 2 err "missing 'SOCKET'" "$koken" why
expect 'why wants a handle' 2 err 'not a handle' "$koken" why /nowhere/at/all ledger
expect 'why finds nobody' 1 err '/nowhere/at/all' "$koken" why /nowhere/at/all 1f
if [ -x "$(dirname "$koken")/koken-sim" ]; then
  expect 'sim finds nothing' 0 out '^200 seeds' "$koken" sim -n 200
  expect 'sim explores' 0 out '^150 seeds' "$koken" sim -n 150 --min-distinct 100
  expect 'sim tells one run' 0 out 'scenario  *ends' "$koken" sim -s 7 -w churn -t -
  expect 'sim knows its workloads' 2 err "dance" "$koken" sim -w dance
  expect 'sim wants a number' 2 err "in range, not 'many'" "$koken" sim -n many
  expect 'sim wants a seed' 2 err "in range, not '7x'" "$koken" sim -s 7x
  expect 'sim wants something to do' 2 err "in range, not '0'" "$koken" sim -n 0
  expect 'sim finds what is planted' 0 out 'the mutant was found' \
    "$koken" sim -f mild --no-shrink --mutant lost-monitor
fi

# ---- doctor ---------------------------------------------------------------------------------------------

expect 'doctor starts a runtime' 0 out 'starts with [0-9]+ workers' "$koken" doctor
expect 'doctor names the clock' 0 out 'kernel uses' "$koken" doctor
expect 'doctor sees KOKEN_WORKERS' 0 out 'starts with 1 workers, KOKEN_WORKERS=1' \
  env KOKEN_WORKERS=1 "$koken" doctor
expect 'doctor sees a small limit' 0 out 'raise ulimit -n' bash -c "ulimit -n 64; '$koken' doctor"

# ---- bench ----------------------------------------------------------------------------------------------

number='[0-9]+\.[0-9][0-9]'
for name in $("$koken" bench --list | awk '{print $1}'); do
  case $name in
  idle) pattern="^idle-mem koken -?$number bytes/actor$" ;;
  idle-cpu) pattern="^idle-wakeups koken $number wakeups/s$" ;;
  latency* | wakeup) pattern="^$name-p99 koken $number ns$" ;;
  toolbox-urcu) pattern="^toolbox-queue-urcu koken $number ns/pair$" ;;
  toolbox-2t) pattern="^toolbox-queue-2t koken $number ns/round$" ;;
  scale) pattern="^scale-100 koken $number ns/hop$" ;;
  *) pattern="^$name koken $number [a-z/]+$" ;;
  esac
  expect "bench $name" 0 out "$pattern" "$koken" bench --quick "$name"
done
for name in pingpong counting fanin-8 fib bndbuf; do
  expect "bench $name on one worker" 0 out "^$name-1w koken " "$koken" bench --quick --workers 1 "$name"
  expect "bench $name-1w" 0 out "^$name-1w koken " "$koken" bench --quick "$name-1w"
  expect "bench $name on 4 workers" 0 out "^$name koken " "$koken" bench --quick -w 4 "$name"
done
expect 'more workers than there are' 0 err 'gives [0-9]+ workers, not 1024' "$koken" bench -q -w 1024 pingpong
expect 'several at once' 0 out '^fib koken ' "$koken" bench --quick pingpong fib
expect 'in process' 0 out '^pingpong koken ' "$koken" bench --quick --in-process pingpong
expect 'a benchmark that does not end fails' 1 err 'no result within 1 s' \
  "$koken" bench --timeout 1 idle-cpu
expect 'an unwritable file fails' 1 err 'no-such-folder' \
  "$koken" bench --quick --json no-such-folder/x.json pingpong
expect 'a full disk fails' 1 err '.' bash -c "'$koken' --help >/dev/full"

# ---- files ----------------------------------------------------------------------------------------------

expect 'json' 0 out '^pingpong koken ' "$koken" bench --quick --reps 6 --json one.json pingpong
holds 'json is json, with all samples' python3 -c '
import json
d = json.load(open("one.json"))
r = d["results"][0]
assert r["name"] == "pingpong" and r["unit"] == "ns/msg", r
assert len(r["samples"]) == 6, r
assert min(r["samples"]) * 0.999 <= r["min"] <= r["median"] <= r["max"], r
for key in ("date", "cpu", "kernel", "compiler", "build", "cores", "seed"):
    assert key in d["environment"], key'
expect 'markdown' 0 out . "$koken" bench --quick --reps 2 --markdown one.md pingpong
holds 'markdown has the table' grep -q '^| pingpong | ns/msg | \*\*' one.md
holds 'a run does not differ from itself' "$koken" bench --compare one.json one.json

python3 - <<'EOF'
import json
d = json.load(open("one.json"))
def write(name, factor):
    rows = [dict(d["results"][0], samples=[(100 + i) * factor for i in range(10)]),
            {"name": "rate", "unit": "msgs/s", "samples": [(100 + i) / factor for i in range(10)]}]
    json.dump(dict(d, results=rows), open(name, "w"))
write("base.json", 1.0)
write("slow.json", 1.3)
write("little.json", 1.05)
open("broken.json", "w").write('{"environment": {},\n "results": [{"name": "x", "samples": [1,]}]}')
open("deep.json", "w").write('{"a": ' + "[" * 100000)
open("peers.txt", "w").write("pingpong pony 50.5 ns/msg\npingpong go 100 ns/msg\npingpong koken 25 ns/msg\n")
open("none.txt", "w").write("nothing here\n")
EOF
expect 'slower fails' 1 out 'pingpong .*WORSE' "$koken" bench --compare base.json slow.json
expect 'a lower rate is worse' 1 out '^rate .*WORSE' "$koken" bench --compare base.json slow.json
expect 'faster is well' 0 out 'better' "$koken" bench --compare slow.json base.json
expect 'five percent are not worse' 0 out '^0 of 2' "$koken" bench --compare base.json little.json
expect 'a broken file is named with its line' 1 err 'broken.json:2: a number expected' \
  "$koken" bench --compare base.json broken.json
expect 'deep nesting is refused' 1 err 'deep.json:1: less nesting' "$koken" bench --compare base.json deep.json
expect 'a missing file' 1 err 'absent.json' "$koken" bench --compare base.json absent.json
expect 'compare needs two files' 2 err 'two files' "$koken" bench --compare base.json
expect 'peers side by side' 0 out '^\| pingpong \(ns/msg\) \| 25\.00 \| \*\*50\.50\*\* \| 100\.0 \| 2\.02 \|$' \
  "$koken" bench --peers peers.txt
expect 'peers beside a fresh run' 0 out '^\| pingpong .*\*\*50\.50\*\*' "$koken" bench --quick --peers peers.txt pingpong
expect 'a file without peers' 1 err 'no line' "$koken" bench --peers none.txt

# ---- the lint of capabilities ---------------------------------------------------------------------------

export KOKEN_LINT=$root/caps/lint
corpus=$root/test/caps
expect 'help of lint' 0 out '^usage: koken lint' "$koken" lint --help
holds 'help of lint fits a screen' bash -c "[ \$('$koken' lint --help | wc -l) -le 24 ]"
expect 'lint without files is misuse' 2 err 'no files' "$koken" lint
expect 'lint of a file that is not there' 2 err 'absent.c' "$koken" lint absent.c
expect 'lint without its script' 2 err 'KOKEN_LINT' env KOKEN_LINT=/dev/null "$koken" lint a.c
expect 'lint without python3' 2 err 'needs python3' env PATH=/dev/null "$koken" lint a.c
if command -v clang-query >/dev/null || command -v clang-query-14 >/dev/null; then
  mkdir few
  ln -s "$(python3 -c 'import sys; print(sys.executable)')" few/python3
  for tool in gcc objdump; do ln -s "$(command -v $tool)" few/$tool; done
  expect 'lint without clang' 2 err 'needed .*: clang, clang-query' \
    env PATH="$work/few" "$koken" lint "$corpus/good/g01_send.c"
  expect 'lint sees a leak' 1 out 'b13_leak.c:[0-9]+: R1: ' "$koken" lint "$corpus/bad/b13_leak.c" -- "-I$corpus"
  expect 'lint sees a double send' 1 out 'b03_send_twice.c:[0-9]+: R1: ' \
    "$koken" lint --sarif found.json "$corpus/bad/b03_send_twice.c" -- "-I$corpus"
  holds 'SARIF names the rule' grep -q '"ruleId": "R1"' found.json
  holds 'SARIF is JSON' python3 -m json.tool found.json
  expect 'lint is silent about what is right' 0 out '^' bash -c \
    "[ -z \"\$('$koken' lint '$corpus/good/g01_send.c' -- '-I$corpus' 2>&1)\" ] && echo"
  printf '[{"directory":"%s","file":"%s","command":"gcc -I%s -c b13_leak.c"}]' \
    "$corpus" bad/b13_leak.c "$corpus -I$root/caps/include -I$root/base/include -I$root/actors/include" >compile_commands.json
  expect 'lint as the build says' 1 out 'b13_leak.c:[0-9]+: R1: ' "$koken" lint -p . "$corpus/bad/b13_leak.c"
  expect 'lint of a file that the build does not know' 2 err 'does not say how to compile .*g01_send.c' \
    "$koken" lint -p . "$corpus/good/g01_send.c"
  expect 'lint of a folder without a build' 2 err 'compile_commands.json' "$koken" lint -p "$corpus"
fi

# ---- the manual -----------------------------------------------------------------------------------------

if command -v mandoc >/dev/null; then
  holds 'the man page is clean' mandoc -T lint -W warning "$root/bench/cli/koken.1"
fi
for option in $({ "$koken" bench --help; "$koken" lint --help; } | grep -oE -- '--[a-z-]+' | sort -u); do
  holds "$option is in the man page" grep -q -- "Fl ${option#-}" "$root/bench/cli/koken.1"
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
