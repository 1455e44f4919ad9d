#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has Coq check the proofs of this folder: no goal may be left open and nothing be assumed.

Each proof is then broken on purpose, rule by rule, and must fail: a proof that holds of wrong rules proves
nothing. Exit status: 0 proved, 1 not, 77 there is no coqc here. The last line is `N passed, M failed`.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# (file, what is right, what would be wrong)
BROKEN = [
    ("capability.v", "match c with Iso | Val | Tag => true", "match c with Iso | Val | Box | Tag => true"),
    ("capability.v", "match c with Iso | Val | Tag => true", "match c with Iso | Val | Ref | Tag => true"),
    ("capability.v", "match c with Iso => Tag | d => d end", "match c with d => d end"),
    ("capability.v", "match c with Val | Ref | Box => true", "match c with Iso | Val | Ref | Box => true"),
    ("capability.v", "s n = Some e -> kind e = Iso ->\n    step s (set s n (Some {| who := who e; kind := Val",
     "s n = Some e -> kind e = Ref ->\n    step s (set s n (Some {| who := who e; kind := Val"),
    ("capability.v", "| Val, _ => Some Val", "| Val, Iso => Some Iso\n  | Val, _ => Some Val"),
    ("capability.v", "(forall m e, s m = Some e -> object e <> o) ->", "True ->"),
]


def proves(text):
    """(whether Coq accepts it without an assumption, what it said)"""
    if "Admitted" in text or "Axiom" in text:
        return False, "something is admitted"
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "proof.v"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(["coqc", "-q", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode("utf-8", "replace")
    return done.returncode == 0 and "Axioms:" not in said and "Closed under the global context" in said, said


def main():
    if not shutil.which("coqc"):
        print("there is no coqc here")
        return 77
    passed = failed = 0
    for file in sorted(HERE.glob("*.v")):
        right, said = proves(file.read_text(encoding="utf-8"))
        passed, failed = passed + right, failed + (not right)
        if not right:
            print(f"{file.name}: not proved\n{said}")
    for name, good, bad in BROKEN:
        text = (HERE / name).read_text(encoding="utf-8")
        noticed = good in text and not proves(text.replace(good, bad, 1))[0]
        passed, failed = passed + noticed, failed + (not noticed)
        if not noticed:
            print(f"{name}: still proved with {bad!r} in place of {good!r}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
