#!/usr/bin/env python3
"""Failing system calls: the k-th call on a file fails, for one k after the other, until a run does not get that far.

run_faults.py [--all] [--jobs N] [--only SCENARIO] [--kind KIND] [--at K]

Each run with a fault ends by itself: with 0 if it could go on without what failed, else with exit code 74 and a message
that names a file and the system's reason. The same command without faults then goes on and ends with the values of a
run that nothing disturbed; what an earlier command was told is done is still there; no .tmp file stays behind.
Without --all only every so many k, spread anew over the range for each scenario and kind (they start with different k).
Prints, at the end, `torture: faults calls N ok`.
"""

import argparse
import concurrent.futures
import errno
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

COXSWAIN = os.path.realpath(os.environ["COXSWAIN"])
FAULTS = os.path.realpath(os.environ["COXSWAIN_FAULTS"])
PATIENCE = 120
# How many calls fail: one alone, or one and all that follow.
ONCE, ON = "once", "on"
KINDS = [(k, how) for k in ("ENOSPC", "EDQUOT", "EIO") for how in (ONCE, ON)] + [("EINTR", ONCE), ("TORN", ON)]
NEVER = 1 << 40

STUDY = """
study = { name = "jets"; metric = "val_loss"; trials = 5; };
space = { width = { low = 4; high = 12; }; lr = { low = 1e-3; high = 1e-2; log = true; }; };
data = { files = ["jets.h5"]; };
model = { hidden = ("@width", 4); dropout = 0.1; };
train = { epochs = 9; batch = 20; lr = "@lr"; };
schedule = { name = "halving"; first = 3; };
run = { checkpoint = 0.01; quantum = 0.001; ordered = true; };
"""
SPHERE = """
evaluator = "function";
study = { name = "sphere"; metric = "value"; trials = 4; };
space = { x = { low = -1.0; high = 1.0; }; y = { low = 0.0; high = 1.0; }; };
"""
POINT = {"x": 0.5, "y": 0.25}


class Wrong(Exception):
    """The program did what it must not do."""


class State:
    """The file that fault_calls.c counts in."""

    FORM = "=qqqq65536s"

    def __init__(self, path, first, last):
        self.path = path
        with open(path, "wb") as f:
            f.write(struct.pack(self.FORM, 0, first, last, 0, b""))

    def read(self):
        """How many calls failed, and each as (call, path)."""
        with open(self.path, "rb") as f:
            _, _, _, hits, text = struct.unpack(self.FORM, f.read())
        lines = text.split(b"\0")[0].decode().splitlines()
        return hits, [tuple(line.split(" ", 1)) for line in lines]


def coxswain(place, *arguments, fault=None, kind="EIO"):
    """Exit code and everything it said. Bounded; a signal shows as a negative code."""
    environment = dict(os.environ, OMPI_MCA_orte_tmpdir_base=place + ".tmp")
    if fault:
        environment.update(LD_PRELOAD=FAULTS, FAULT_BELOW=place, FAULT_STATE=fault.path, FAULT_KIND=kind)
    try:
        done = subprocess.run([COXSWAIN, *arguments], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        raise Wrong(f"hangs: no end after {PATIENCE} s; it said {late.stdout}") from late
    return done.returncode, done.stdout.decode(errors="replace")


def must(place, *arguments):
    code, said = coxswain(place, *arguments)
    if code != 0:
        raise Wrong(f"{' '.join(arguments)} without faults: exit code {code}: {said}")
    return said


def trials(place, folder):
    """The search, without times and places."""
    found = json.loads(must(place, "export", folder, "--format", "json"))["trials"]
    for t in found:
        t["attributes"].pop("provenance", None)
    keys = ("number", "state", "value", "step", "params", "intermediate_values", "attributes")
    return [{k: t[k] for k in keys} for t in found]


def over(found):
    return [t for t in found if t["state"] in ("complete", "pruned")]


# ---- scenarios: how it starts, the command that meets the fault, and what must hold afterwards ----


class Scenario:
    files = {}
    command = ()
    again = (0,)  # exit codes of the command without faults, after the one with

    def prepare(self, place):
        """Once: the state before the command."""

    def result(self, place):
        """What is compared with the result of the command that nothing disturbed."""
        raise NotImplementedError

    def same(self, got, wanted):
        return got == wanted

    def acknowledged(self, place):
        """Results on record, in the order of the record."""
        return []


class Run(Scenario):
    """A study with training, halving, packs and models."""

    files = {"jets.cfg": STUDY}
    command = ("run", "jets.cfg")

    def prepare(self, place):
        must(place, "generate", "jets", "-n", "600", "-o", "jets.h5", "--format", "array")

    def result(self, place):
        return [trials(place, "jets"), sorted(os.listdir(place + "/jets/best"))]

    def acknowledged(self, place):
        if not os.path.exists(place + "/jets/journal.log"):
            return []
        code, said = coxswain(place, "export", "jets", "--format", "json")
        if code == 2 and "best/" not in said and not os.path.exists(place + "/jets/study.cfg"):
            return []  # it had only begun
        if code == 2 and ("does not say which study file" in said or "no study in it" in said):
            return []
        if code != 0:
            raise Wrong(f"the study cannot be read after the fault: {said}")
        return over(trials(place, "jets"))


class Resume(Run):
    """The same study, stopped half way: its packs are read."""

    def prepare(self, place):
        super().prepare(place)
        must(place, "run", "jets.cfg", "--set", "study.trials=3")
        self.command = ("run", "jets.cfg")


class Train(Run):
    command = ("train", "jets", "--trial", "0", "-o", "model.h5")

    def prepare(self, place):
        super().prepare(place)
        must(place, "run", "jets.cfg")

    def result(self, place):
        return must(place, "predict", "model.h5", "jets.h5", "-o", "scores.h5").replace(place, "") + str(super().result(place))


class Predict(Train):
    command = ("predict", "jets", "jets.h5", "-o", "scores.h5")

    def result(self, place):
        return must(place, "data", "scores.h5").replace(place, "")


class Sphere(Scenario):
    files = {"sphere.cfg": SPHERE, "points.json": json.dumps([POINT]), "results.json": json.dumps([{"params": POINT, "value": 7}])}

    def prepare(self, place):
        must(place, "run", "sphere.cfg", "--set", "study.trials=2")

    def acknowledged(self, place):
        return over(trials(place, "sphere"))


class Tell(Sphere):
    command = ("tell", "sphere", "results.json")
    again = (0, 2)  # 2: it is on record already

    def result(self, place):
        return [t for t in trials(place, "sphere") if t["params"] == POINT and t["state"] == "complete" and t["value"] == 7]


class Enqueue(Sphere):
    command = ("enqueue", "sphere", "points.json")

    def result(self, place):
        return [t["params"] for t in trials(place, "sphere") if t["params"] == POINT]

    def same(self, got, wanted):
        return wanted and len(got) in (1, 2) and got[0] == wanted[0]  # a second try may find the first on record


class Ask(Sphere):
    command = ("ask", "sphere", "-n", "1", "-o", "asked.json")
    again = (0,)

    def prepare(self, place):
        must(place, "run", "sphere.cfg", "--set", "study.trials=2")
        must(place, "run", "sphere.cfg", "--set", "study.trials=2")

    def result(self, place):
        return True


class Merge(Scenario):
    files = {"sphere.cfg": SPHERE}
    command = ("merge", "all", "a", "b")
    again = (0, 2)  # 2: it is there, and only the last sync of its folder failed

    def prepare(self, place):
        must(place, "split", "sphere.cfg", "--jobs", "2", "-o", "parts")
        must(place, "run", "sphere.cfg", "--points", "parts/part01.json", "--out", "a")
        must(place, "run", "sphere.cfg", "--points", "parts/part02.json", "--out", "b")

    def result(self, place):
        return trials(place, "all")


class Split(Scenario):
    files = {"sphere.cfg": SPHERE}
    command = ("split", "sphere.cfg", "--jobs", "2", "-o", "parts")

    def result(self, place):
        return [open(f"{place}/parts/part0{i}.json", encoding="utf-8").read() for i in (1, 2)]


class Import(Scenario):
    files = {"t.csv": "a,b,label\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(500))}
    command = ("import", "t.csv", "-o", "t.h5", "--label", "label")

    def result(self, place):
        with open(place + "/t.h5", "rb") as f:
            return f.read()


class Generate(Import):
    command = ("generate", "jets", "-n", "5000", "-o", "t.h5")


class Export(Run):
    command = ("export", "jets", "-o", "out.csv")

    def prepare(self, place):
        super().prepare(place)
        must(place, "run", "jets.cfg")

    def result(self, place):
        with open(place + "/out.csv", encoding="utf-8") as f:
            return f.read()


SCENARIOS = [Run, Resume, Train, Predict, Tell, Enqueue, Ask, Merge, Split, Import, Generate, Export]


# ---- one scenario ----


def copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


def left_over(place, failed):
    """What was to be removed and could not (a failed unlink) is not counted."""
    kept = {os.path.basename(path) for call, path in failed if call == "unlink"}
    return [f"{folder}/{n}" for folder, _, names in os.walk(place) for n in names if n.endswith(".tmp") and n not in kept]


def check_message(said, code, failed, kind):
    """Input files (2) apart, it is the disk's fault, and the message names it: one of the files, and the reason."""
    reason = os.strerror(errno.ENOSPC if kind == "TORN" else getattr(errno, kind))
    inputs = ("jets.h5", "t.csv", "jets.cfg", "sphere.cfg", "points.json", "results.json")
    names = {re.sub(r"(\.\d+)?(\.raw)?\.tmp$", "", os.path.basename(path)) for _, path in failed}
    names.update(os.path.basename(os.path.dirname(path)) for _, path in failed if "/.preflight" in path)
    if code != 74 and not (code == 2 and names.intersection(inputs)):
        raise Wrong(f"exit code {code}, not 74")
    if not any(reason in line and any(n in line for n in names) for line in said.splitlines()):
        raise Wrong(f"the message does not say '{reason}', or not of which file")


class Try:
    """A scenario with one kind of fault, in a folder of its own."""

    def __init__(self, scenario, kind, how, base, start, wanted):
        self.scenario, self.kind, self.how, self.wanted, self.start = scenario, kind, how, wanted, start
        self.place = os.path.join(base, f"{type(scenario).__name__}-{kind}-{how}")

    def once(self, k):
        """True while k is within the calls that the command makes."""
        copy(self.start, self.place)
        before = self.scenario.acknowledged(self.place)
        state = State(self.place + ".state", k, k if self.how == ONCE else NEVER)
        code, said = coxswain(self.place, *self.scenario.command, fault=state, kind=self.kind)
        hits, failed = state.read()
        try:
            self.judge(code, said, failed, before)
        except Wrong as wrong:
            raise Wrong(f"{type(self.scenario).__name__}: {' '.join(self.scenario.command)}\n"
                        f"{self.kind} {self.how}, call {k}: {' of '.join(failed[0]) if failed else 'none'}; exit code {code}\n{wrong}\n"
                        f"--- it said\n{said}--- its files are in {self.place}") from wrong
        return hits > 0

    def judge(self, code, said, failed, before):
        if code < 0 or code >= 128:
            raise Wrong(f"killed by signal {-code}")
        if code != 0:
            if not failed:
                raise Wrong("failed without a fault")
            check_message(said, code, failed, self.kind)
        kept = self.scenario.acknowledged(self.place)
        if kept[:len(before)] != before:
            raise Wrong(f"lost: {[t for t in before if t not in kept]}")
        if code != 0:
            again, words = coxswain(self.place, *self.scenario.command)
            if again not in self.scenario.again:
                raise Wrong(f"the same command without faults: exit code {again}: {words}")
        got = self.scenario.result(self.place)
        if not self.scenario.same(got, self.wanted):
            raise Wrong(f"another result after the fault:\n{str(got)[:600]}\ninstead of\n{str(self.wanted)[:600]}")
        finally_kept = self.scenario.acknowledged(self.place)
        if [t for t in kept if t not in finally_kept]:
            raise Wrong("a result that was on record changed or went")
        if left_over(self.place, failed):
            raise Wrong(f"left behind: {left_over(self.place, failed)}")

    def all(self, first, stride):
        k, n = first, 0
        while self.once(k):
            n += 1
            k += stride
        shutil.rmtree(self.place, ignore_errors=True)
        os.unlink(self.place + ".state")
        return n


def short_calls(scenario, base, start, wanted):
    """Every read and write moves half of what it was asked to, and nobody notices."""
    place = os.path.join(base, f"{type(scenario).__name__}-short")
    copy(start, place)
    state = State(place + ".state", NEVER, NEVER)
    code, said = coxswain(place, *scenario.command, fault=state, kind="SHORT")
    if code != 0 or not scenario.same(scenario.result(place), wanted):
        raise Wrong(f"{type(scenario).__name__} with short reads and writes: exit code {code}: {said}")
    shutil.rmtree(place)
    os.unlink(state.path)


def start_of(scenario, base):
    start = os.path.join(base, type(scenario).__name__)
    os.makedirs(start)
    for name, text in scenario.files.items():
        with open(os.path.join(start, name), "w", encoding="utf-8") as f:
            f.write(text)
    scenario.prepare(start)
    whole = start + "-whole"
    copy(start, whole)
    must(whole, *scenario.command)
    return start, scenario.result(whole)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--stride", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only")
    parser.add_argument("--kind")
    parser.add_argument("--at", type=int)
    o = parser.parse_args()
    os.makedirs("test-files", exist_ok=True)
    base = tempfile.mkdtemp(prefix="run_faults.", dir=os.path.abspath("test-files"))
    problems, count = [], 0
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        futures = []
        for make in SCENARIOS:
            if o.only and make.__name__ != o.only:
                continue
            scenario = make()
            start, wanted = start_of(scenario, base)
            futures.append(pool.submit(short_calls, scenario, base, start, wanted))
            for number, (kind, how) in enumerate(KINDS):
                if o.kind and kind != o.kind:
                    continue
                t = Try(scenario, kind, how, base, start, wanted)
                if o.at:
                    futures.append(pool.submit(t.once, o.at))
                    continue
                stride = 1 if o.all else o.stride or 43
                futures.append(pool.submit(t.all, 1 + number * 7 % stride, stride))
        for future in futures:
            try:
                count += future.result() or 0
            except Wrong as wrong:
                problems.append(str(wrong))
                print(f"-- {wrong}\n", flush=True)
    if problems:
        sys.exit(f"run_faults.py: {len(problems)} wrong; files in {base}")
    shutil.rmtree(base)
    print(f"torture: faults calls {count} ok")


main()
