#!/usr/bin/env python3
"""Can the history checker fail? Takes the journal of a real study, doctors it, and expects each fault to be found.

Doctored journals get right checksums again, so that it is what they say that must give them away. COXSWAIN names the
program.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from history_checker import COMPLETE, History, Shown, compare, extends

PROGRAM = os.path.realpath(os.environ.get("COXSWAIN", "build/coxswain"))
PLACE = os.path.abspath("test-files/test_history_checker")
STUDY = """
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; seconds = 0.002; };
study = { name = "curve"; metric = "value"; trials = 40; };
space = { x = { low = -1.0; high = 1.0; }; kind = ("a", "b"); };
schedule = { name = "halving"; };
run = { checkpoint = 0.01; quantum = 0.005; };
"""
POINT, TOLD, TOLD_VALUE = {"x": 0.125, "kind": "a"}, {"x": 0.25, "kind": "b"}, 0.5


def coxswain(*arguments, codes=(0,)):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=PLACE, timeout=120)
    if done.returncode not in codes:
        sys.exit(f"exit code {done.returncode}: coxswain {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def make_study():
    """Two writers at least, a point that was enqueued, one that was told; and the same points undisturbed."""
    shutil.rmtree(PLACE, ignore_errors=True)
    os.makedirs(PLACE)
    with open(f"{PLACE}/curve.cfg", "w") as f:
        f.write(STUDY)
    with open(f"{PLACE}/told.json", "w") as f:
        json.dump([{"params": TOLD, "value": TOLD_VALUE}], f)
    coxswain("run", "curve.cfg", "--set", "run.walltime=0.05", codes=(0, 75))
    coxswain("enqueue", "curve", "--point", json.dumps(POINT))
    coxswain("tell", "curve", "told.json")
    coxswain("run", "curve.cfg", codes=(0,))
    coxswain("run", "curve.cfg", "--set", "study.trials=60")
    points = [{"number": t.key, "params": t.point()} for t in History(journal("curve")).trials]
    with open(f"{PLACE}/points.json", "w") as f:
        json.dump(points, f)
    coxswain("run", "curve.cfg", "--points", "points.json", "--out", "whole", "--set", "schedule.name=full")


def journal(folder):
    with open(f"{PLACE}/{folder}/journal.log", "rb") as f:
        return f.read()


def written(groups):
    """Groups of (epoch, ops) as a journal, with their checksums."""
    crc, out = 0, b""
    for epoch, ops in groups:
        lines = [json.dumps(op, separators=(",", ":")).encode() for op in ops]
        for line in lines:
            crc = zlib.crc32(line + b"\n", crc)
        lines[-1] = lines[-1][:-1] + f',"commit":"{epoch}-{crc:08x}"}}'.encode()
        out += b"".join(line + b"\n" for line in lines)
    return out


class Doctor:
    """The groups of the journal, to be changed; `place` finds the nth op that is as described."""

    def __init__(self, data):
        self.groups = [(g.epoch, [{k: v for k, v in op.items() if k != "commit"} for _, op in g.ops])
                       for g in History(data).groups]

    def places(self, fits):
        return [(g, i) for g, (_, ops) in enumerate(self.groups) for i, op in enumerate(ops) if fits(op)]

    def insert(self, place, op):
        self.groups[place[0]][1].insert(place[1] + 1, op)

    def take(self, place):
        ops = self.groups[place[0]][1]
        op = ops.pop(place[1])
        if not ops:
            ops.append({"op_code": 3, "worker_id": op["worker_id"], "study_id": 0, "system_attr": {"note": 1}})
        return op

    def op(self, place):
        return self.groups[place[0]][1][place[1]]


def is_end(op):
    """Of a trial that was trained, not told."""
    return op["op_code"] == 6 and op["state"] == COMPLETE and op["values"] != [TOLD_VALUE]


def event(name):
    return lambda op: op["op_code"] == 9 and f"coxswain:{name}" in op["system_attr"]


def reports_of_best(doctor):
    best = doctor.op(doctor.places(is_end)[0])["trial_id"]
    return doctor.places(lambda op: op["op_code"] == 7 and op["trial_id"] == best)


# ---- faults: each changes the doctor's groups, or returns the journal as bytes ----


def drops_a_result(d):
    d.take(d.places(is_end)[0])


def doubles_a_result(d):
    place = d.places(is_end)[0]
    d.insert(place, d.op(place))


def changes_a_value(d):
    op = d.op(d.places(is_end)[0])
    op["values"] = [math.nextafter(op["values"][0], 9)]


def changes_a_report(d):
    d.op(reports_of_best(d)[2])["intermediate_value"] += 1e-12


def swaps_two_reports(d):
    a, b = (d.op(p) for p in reports_of_best(d)[1:3])
    a["step"], b["step"] = b["step"], a["step"]


def doubles_a_report(d):
    place = reports_of_best(d)[1]
    d.insert(place, d.op(place))


def drops_a_report(d):
    d.take(reports_of_best(d)[1])


def reports_after_the_end(d):
    d.insert(d.places(is_end)[0], d.op(reports_of_best(d)[-1]) | {"step": 9})


def drops_a_group(d):
    del d.groups[d.places(is_end)[0][0]]


def swaps_two_groups(d):
    g = d.places(is_end)[0][0]
    d.groups[g], d.groups[g - 1] = d.groups[g - 1], d.groups[g]


def doubles_a_group(d):
    g = d.places(lambda op: op["op_code"] == 4)[5][0]
    d.groups.insert(g, d.groups[g])


def forgets_a_point(d):
    place = d.places(lambda op: event("asked")(op) and op["system_attr"]["coxswain:asked"]["enqueued"])[0]
    d.op(place)["system_attr"]["coxswain:asked"]["enqueued"] = False


def takes_a_point_twice(d):
    trial = d.op(d.places(lambda op: event("asked")(op) and op["system_attr"]["coxswain:asked"]["enqueued"])[0])["trial_id"]
    made = [dict(d.op(p)) for p in d.places(lambda op: op["op_code"] == 5 and op["trial_id"] == trial)]
    n = len(d.places(lambda op: op["op_code"] == 4))
    epoch, last = d.groups[-1]
    asked = {"at": sum(len(ops) for _, ops in d.groups[:-1]), "enqueued": True, "key": n}
    head = {"op_code": 4, "worker_id": f"coxswain-{epoch}", "study_id": 0, "datetime_start": None}
    made = [head] + [op | {"trial_id": n, "worker_id": f"coxswain-{epoch}"} for op in made]
    last.extend(made + [{"op_code": 9, "worker_id": f"coxswain-{epoch}", "trial_id": n, "system_attr": {"coxswain:asked": asked}}])


def hands_a_trial_out_twice(d):
    place = d.places(event("stint"))[3]
    d.insert(place, d.op(place))


def ends_a_stint_twice(d):
    place = d.places(event("end"))[3]
    d.insert(place, d.op(place))


def goes_back_some_steps(d):
    place = next(p for p in d.places(event("stint")) if d.op(p)["system_attr"]["coxswain:stint"]["from"] == 3)
    d.op(place)["system_attr"]["coxswain:stint"]["from"] = 1


def makes_a_decision_twice(d):
    a, b = (d.op(p)["system_attr"]["coxswain:stint"] for p in d.places(event("stint"))[3:5])
    b["order"] = a["order"]


def asks_at_another_length(d):
    d.op(d.places(event("asked"))[7])["system_attr"]["coxswain:asked"]["at"] -= 1


def lets_two_write(d):
    old = next(i for i, (epoch, _) in enumerate(d.groups) if epoch == 2)
    d.groups.insert(old + 1, d.groups.pop(old - 1))


def takes_over_in_silence(d):
    place = d.places(lambda op: op["op_code"] == 3 and "coxswain:writer" in op["system_attr"])[0]
    d.op(place)["system_attr"] = {"something": "else"}


def flips_a_bit(d):
    data = bytearray(written(d.groups))
    at = data.index(b'"intermediate_value":') + 24
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    return bytes(data)


def loses_the_tail(d):
    data = written(d.groups)
    return data[: len(data) * 2 // 3]


def loses_a_line(d):
    lines = written(d.groups).split(b"\n")
    del lines[len(lines) // 2]
    return b"\n".join(lines)


FAULTS = {  # what one of the complaints must say
    drops_a_result: "was shown as complete",
    doubles_a_result: "already",
    changes_a_value: "undisturbed",
    changes_a_report: "undisturbed",
    swaps_two_reports: "after step",
    doubles_a_report: "after step",
    drops_a_report: "is not there",
    reports_after_the_end: "a report after its end",
    drops_a_group: "was shown as",
    swaps_two_groups: "was committed",
    doubles_a_group: "twice",
    forgets_a_point: "is not there",
    takes_a_point_twice: "handed in once",
    hands_a_trial_out_twice: "while",
    ends_a_stint_twice: "is not out",
    goes_back_some_steps: "it is at step 3",
    makes_a_decision_twice: "was made for trial",
    asks_at_another_length: "asked at",
    lets_two_write: "had taken over",
    takes_over_in_silence: "does not say",
    flips_a_bit: "checksum",
    loses_the_tail: "is not there",
    loses_a_line: "checksum",
}


def complaints_about(data, original, shown, known):
    history = History(data)
    return (history.complaints + history.incomplete() + shown.complaints(history) + extends(original, data)
            + list(compare(history, known)))


def main():
    make_study()
    original = journal("curve")
    known = {t.identity(): t for t in History(journal("whole")).trials}
    shown = Shown()
    shown.take_export(json.loads(coxswain("export", "curve", "--format", "json")))
    shown.points = [[POINT, True, None], [TOLD, True, TOLD_VALUE]]
    same = written(Doctor(original).groups)
    for name, data in (("the journal", original), ("the journal written anew", same)):
        found = complaints_about(data, data, shown, known)
        if found:
            sys.exit(f"{name} is right, but: {found[:5]}")
    missed = 0
    for fault, words in FAULTS.items():
        doctor = Doctor(original)
        data = fault(doctor) or written(doctor.groups)
        found = complaints_about(data, same, shown, known)
        if not any(words in c for c in found):
            missed += 1
            print(f"not found: a journal that {fault.__name__.replace('_', ' ')}; complaints: {found[:5]}")
    if missed:
        sys.exit(f"{missed} of {len(FAULTS)} faults were not found")
    shutil.rmtree(PLACE)
    print(f"{len(FAULTS)} faults, each found")


main()
