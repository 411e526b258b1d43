#!/usr/bin/env python3
"""What the whole-run tests look at in exports and journals.

run_check.py is EXPRESSION           < JSON: the expression over x is true
run_check.py show EXPRESSION         < JSON: prints it
run_check.py search                  < export: one line a trial, without times and places
run_check.py values A.json B.json    every trial of A has, given its point, the values it has in B
run_check.py once JOURNAL N          trials 0 ... N-1, each made once, asked once and over once
"""
import json
import sys


def point(trial):
    return json.dumps(trial["params"], sort_keys=True)


def steps(trial):
    return sorted((int(s), v) for s, v in trial["intermediate_values"].items())


def metrics(trial):
    """Attributes but for where and how long."""
    return {k: v for k, v in trial["attributes"].items() if k != "provenance"}


def command_is(expression):
    x = json.load(sys.stdin)
    if not eval(expression, {"x": x}):
        sys.exit(f"not so: {expression}\n{json.dumps(x)[:2000]}")


def command_show(expression):
    print(eval(expression, {"x": json.load(sys.stdin)}))


def command_search():
    for t in json.load(sys.stdin)["trials"]:
        print(t["number"], t["state"], repr(t["value"]), t["step"], point(t), steps(t), json.dumps(metrics(t), sort_keys=True))


def command_values(path_a, path_b):
    a, b = (json.load(open(p))["trials"] for p in (path_a, path_b))
    known = {point(t): t for t in b}
    compared = 0
    for t in a:
        other = known.get(point(t))
        if other is None:
            continue
        mine, theirs = dict(steps(t)), dict(steps(other))
        common = mine.keys() & theirs.keys()
        for s in common:
            if mine[s] != theirs[s]:
                sys.exit(f"trial {t['number']}, step {s}: {mine[s]!r}, but {theirs[s]!r} in the other run")
        if t["state"] == other["state"] == "complete":
            if (t["value"], metrics(t)) != (other["value"], metrics(other)) or mine.keys() != theirs.keys():
                sys.exit(f"trial {t['number']} differs:\n{t}\n{other}")
        compared += bool(common)
    if compared * 2 < len(a):
        sys.exit(f"only {compared} of {len(a)} points are in both runs: nothing is shown by that")


def command_once(path, n):
    made, asked, over, stints = 0, {}, {}, {}
    for number, line in enumerate(open(path), 1):
        op = json.loads(line)
        code = op["op_code"]
        trial = op.get("trial_id")
        if code == 4:
            made += 1
        elif trial is not None and not 0 <= trial < made:
            sys.exit(f"line {number}: trial {trial} is not there yet")
        if code == 6 and op["state"] in (1, 2, 3):
            over[trial] = over.get(trial, 0) + 1
        if code in (5, 7) and trial in over:
            sys.exit(f"line {number}: trial {trial} goes on after its end")
        if code == 9 and "coxswain:asked" in op["system_attr"]:
            asked[trial] = asked.get(trial, 0) + 1
    wanted = {i: 1 for i in range(int(n))}
    if made != int(n) or asked != wanted or over != wanted:
        several = {t: k for t, k in over.items() if k != 1}
        missing = sorted(wanted.keys() - over.keys())
        sys.exit(f"{path}: {made} trials made, {len(asked)} asked, {len(over)} over; more than once: {several}; never: {missing}")


globals()["command_" + sys.argv[1]](*sys.argv[2:])
