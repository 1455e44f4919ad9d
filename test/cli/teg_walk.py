#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""koken teg as its user meets it: teg_walk.py PATH-OF-KOKEN.

The names that document 000 gives (of its configuration, its metrics, its errors), pictures and traces that other
programs can read, and what goes wrong under way: Ctrl-C, a command that is killed, a disk that is full. Ends with
`N passed, M failed`; exit status 1 if anything failed.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

KOKEN = os.path.abspath(sys.argv[1])
PLACE = tempfile.TemporaryDirectory()
counts = {"passed": 0, "failed": 0}


def check(what, is_right, *seen):
    counts["passed" if is_right else "failed"] += 1
    if not is_right:
        print("FAILED", what, *(repr(thing) for thing in seen))


def graph(name, nodes, **rest):
    with open(name, "w", encoding="utf-8") as file:
        json.dump({"teg": 1, "nodes": nodes, **rest}, file)
    return name


def teg(*words):
    return subprocess.run([KOKEN, "teg", *words], capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL)


def says(what, status, stream, pattern, *words):
    done = teg(*words)
    text = done.stdout if stream == "out" else done.stderr
    check(what, done.returncode == status and re.search(pattern, text, re.MULTILINE), status, pattern,
          done.returncode, done.stdout, done.stderr)


def node(name, effect="number", **rest):
    return {"id": name, "effect": effect, **rest}


def command(name, *words, **rest):
    return {"id": name, "effect": "command", "argv": list(words), **rest}


# ---- the names of the document ---------------------------------------------------------------------------

def names():
    config = {"worker_count": 3, "steal_timeout_ms": 50, "load_balance_threshold": 2, "node_timeout_ms": 5000,
              "adaptive_scheduling": False}
    pair = [node("a", number=40), node("b", number=2), node("c", "sum", after=["a", "b"])]
    says("its configuration", 0, "out", r"of 3 lanes", graph("config.json", pair, config=config))
    says("no other configuration", 1, "err", r"config.*\"workers\"|\"workers\".*config|workers",
         graph("other.json", pair, config={"workers": 3}))
    says("a timeout of the configuration", 1, "out", r"^nap +TimedOut .* ETIMEDOUT$",
         graph("late.json", [node("nap", "sleep", number=60000)], config={"node_timeout_ms": 20}))
    done = teg("-j", "config.json")
    result = json.loads(done.stdout)
    check("nodes_executed", result["nodes_executed"] == 3, result)
    check("parallelism_efficiency", 0 <= result["parallelism_efficiency"] <= 1, result)
    check("total_work_stealing_events", result["total_work_stealing_events"] >= 0, result)
    check("the sum", [n["number"] for n in result["nodes"]] == [40, 2, 42], result)


# Each is refused before its first effect, which would leave a file.
def errors():
    touch = command("touch", "touch", "was-here")
    linear = [{"name": "t", "use": "linear", "initial": True}]
    for name, pattern, nodes, rest in [
            ("CyclicDependency", r"CyclicDependency: a -> b -> a|CyclicDependency: b -> a -> b",
             [node("a", after=["b"]), node("b", after=["a"])], {}),
            ("NodeNotFound", r"NodeNotFound: nowhere", [node("a", after=["nowhere"])], {}),
            ("UnsatisfiableResource", r"UnsatisfiableResource: gold", [node("a", needs=["gold"])], {}),
            ("InvalidGraph", r"InvalidGraph: Duplicate node ID: a", [node("a"), node("a")], {}),
            ("LinearityViolation", r"LinearityViolation: t has two consumers",
             [node("a", needs=["t"]), node("b", needs=["t"])], {"resources": linear})]:
        says(name, 1, "err", pattern, graph("wrong.json", [touch] + nodes, **rest))
    check("nothing has run", not os.path.exists("was-here"))


# ---- pictures ----------------------------------------------------------------------------------------------

QUOTED = r'"(?:[^"\\\n]|\\.)*"'
DOT = re.compile(r"\s*(?:" + QUOTED + r"|[A-Za-z_0-9.]+|->|[{}\[\]=;,])")


def is_dot(text):
    """Made of the tokens of Graphviz's language, with its brackets in pairs."""
    at, depth = 0, []
    for match in iter(lambda: DOT.match(text, at), None):
        at = match.end()
        token = match.group(0).strip()
        if token in "{[":
            depth.append({"{": "}", "[": "]"}[token])
        elif token in "}]" and (not depth or depth.pop() != token):
            return False
    return text[at:].strip() == "" and not depth and text.startswith("digraph")


def pictures():
    hostile = 'say "<b>&\\ ]);--> %s'
    nodes = [node(hostile, number=1), command("run", "echo", 'a "quoted" <word>'), node("last", "sum", after=["run"]),
             node("\u00e9\u8c46" * 100), node("x" + "\u8c46" * 200)]
    path = graph("drawn.json", nodes, links=[{"from": hostile, "to": "last", "when": {"less": 5}}])
    done = teg("-q", "-m", "m", "-d", "d", "-T", "t", path)
    check("drawn", done.returncode == 0, done.stderr)
    with open("d", encoding="utf-8") as file:
        dot = file.read()
    check("dot", is_dot(dot) and dot.count("->") >= 2, dot)
    with open("m", encoding="utf-8") as file:
        lines = file.read().splitlines()
    drawn = [re.sub(r'"[^"]*"', '""', line) for line in lines[1:] if line.strip()]
    strange = [line for line in drawn if not re.fullmatch(
        r'\s*(n\d+[\[({]+""[\])}]+(:::\w+)?|n\d+ (-->|-\.->|==>|---)(\|""\|)? n\d+|(classDef|class|style|linkStyle) .*);?',
        line)]
    check("mermaid", lines[0] == "graph TD" and not strange, strange, lines)
    with open("t", encoding="utf-8") as file:
        events = json.load(file)
    events = events["traceEvents"] if isinstance(events, dict) else events
    spans = [event for event in events if event["ph"] == "X"]
    check("trace", len(spans) == 5 and all(event["dur"] >= 0 and "tid" in event for event in spans), events)
    check("its names", any('"<b>&' in event["name"] for event in spans), spans)
    for option in "mdT":
        says("a full disk, -" + option, 1, "err", "cannot write /dev/full: No space left", "-" + option, "/dev/full",
             path)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([KOKEN, "teg", path], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    check("a full disk, output", done.returncode == 1 and "No space left" in done.stderr, done)


# ---- what goes wrong under way -----------------------------------------------------------------------------

def pid_of(path, process):
    """What the shell has written as soon as it ran; the fifo makes us wait for it."""
    with open(path, encoding="utf-8") as fifo:
        line = fifo.readline()
    assert process.poll() is None
    return int(line)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def start(*words):
    return subprocess.Popen([KOKEN, "teg", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def trouble():
    os.mkfifo("who")
    busy = command("busy", "sh", "-c", "echo $$ >who; sleep 600 & wait", after=["other"])
    nodes = [busy, node("after", "sum", after=["busy"]), node("other", number=7)]
    graph("busy.json", nodes)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = start("-q", "busy.json")
        pid = pid_of("who", process)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        check(number.name, process.returncode == -number and "interrupted" in err and is_gone(pid),
              process.returncode, out, err)
        check("what was cancelled", re.search(r"^busy +Cancelled", out, re.M) and
              re.search(r"^other +Completed .* 7$", out, re.M), out)
    nodes[0] = command("busy", "sh", "-c", "echo $$ >who; exec sleep 600")
    graph("busy.json", nodes)
    for words, other in ((), "Completed|Cancelled"), (("-i",), "Completed"):
        process = start("-q", *words, "busy.json")
        os.kill(pid_of("who", process), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
        check("a command that is killed", process.returncode == 1 and
              re.search(r"^busy +Failed .* EPROTO, 137$", out, re.M) and re.search(r"^after +Cancelled", out, re.M) and
              re.search(f"^other +({other})", out, re.M), process.returncode, out, err)
    says("a command that is not there", 1, "out", r"^none +Failed .* EINVAL$",
         graph("none.json", [command("none", "no-such-program")]))
    done = teg("-j", graph("three.json", [command("three", "sh", "-c", "echo oh; exit 3")]))
    result = json.loads(done.stdout)["nodes"][0]
    check("a command that fails", done.returncode == 1 and result["error"] == "EPROTO" and result["number"] == 3 and
          result["text"] == "oh\n", result)


os.chdir(PLACE.name)
for part in (names, errors, pictures, trouble):
    part()
os.chdir("/")
print(f"{counts['passed']} passed, {counts['failed']} failed")
sys.exit(counts["failed"] > 0)
