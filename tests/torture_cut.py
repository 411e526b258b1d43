#!/usr/bin/env python3
"""A journal cut at any byte: it is the study as of the last whole group, it can be written on, and read again.

    torture_cut.py [--count N] [--seed S]

Takes the journal of a real study with several writers, cuts copies of it at bytes of its last records (more cuts than those
have bytes: anywhere), and for each: what `export` shows is what the history checker reads from the cut bytes, `enqueue` adds
a point, what was cut off is kept aside, and the journal has no fault then. Where Optuna is installed it reads each one too.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from history_checker import STATES, History
from torture_lib import PATIENCE, program_to_test

STUDY = """
evaluator = "function";
function = { name = "curve"; steps = 9; noise = 0.1; seconds = 0.001; };
study = { name = "cut"; metric = "value"; trials = 30; };
space = { x = { low = -1.0; high = 1.0; }; kind = ("a", "b"); };
schedule = { name = "halving"; };
run = { checkpoint = 0.01; quantum = 0.005; };
"""
POINT = {"x": 0.0625, "kind": "b"}
TAIL = 6000  # bytes: the last groups

try:
    import optuna
    from optuna.storages import JournalStorage

    try:
        from optuna.storages.journal import JournalFileBackend
    except ImportError:  # before 4
        from optuna.storages import JournalFileStorage as JournalFileBackend
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
except ImportError:
    optuna = None


def use_a_python_with_optuna():
    """If there is one besides this."""
    for python in os.environ.get("COXSWAIN_OPTUNA_PYTHONS", "/usr/bin/python3").split():
        if optuna is None and "COXSWAIN_TRIED" not in os.environ and os.access(python, os.X_OK):
            if subprocess.run([python, "-c", "import optuna"], capture_output=True).returncode == 0:
                os.environ["COXSWAIN_TRIED"] = "yes"
                os.execv(python, [python, *sys.argv])


class Cutter:
    def __init__(self, program, place):
        self.program, self.place = program, place
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        with open(os.path.join(place, "cut.cfg"), "w") as f:
            f.write(STUDY)
        for trials in (10, 20, 30):  # three writers
            self.coxswain("run", "cut.cfg", "--set", f"study.trials={trials}")
        with open(os.path.join(place, "cut", "journal.log"), "rb") as f:
            self.whole = f.read()

    def coxswain(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.place, capture_output=True, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise AssertionError(f"coxswain {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def cut(self, at):
        """Complaints about a journal of so many bytes."""
        folder, data = os.path.join(self.place, "copy"), self.whole[:at]
        os.makedirs(folder)
        shutil.copy(os.path.join(self.place, "cut", "study.cfg"), folder)
        path = os.path.join(folder, "journal.log")
        with open(path, "wb") as f:
            f.write(data)
        before = History(data)
        shown = json.loads(self.coxswain("export", "copy", "--format", "json"))["trials"]
        mine = [(STATES[t.state], t.value, t.point()) for t in before.trials]
        if [(t["state"], t["value"], t["params"]) for t in shown] != mine:
            yield "export shows other trials than its whole groups have"
        yield from optuna_complaints(path, before)
        self.coxswain("enqueue", "copy", "--point", json.dumps(POINT))
        with open(path, "rb") as f:
            after = History(f.read())
        yield from after.complaints
        if len(after.trials) != len(before.trials) + 1 or after.trials[-1].point() != POINT:
            yield "the point that was enqueued is not there"
        torn = path + ".torn-1"
        kept = open(torn, "rb").read() if os.path.exists(torn) else b""
        if kept != data[before.committed :]:
            yield f"{len(data) - before.committed} bytes were cut off, and {len(kept)} are kept aside"
        yield from optuna_complaints(path, after)
        self.coxswain("export", "copy", "--format", "json")
        shutil.rmtree(folder)


def optuna_complaints(path, history):
    """Optuna reads lines, not groups: what it sees has at least the trials of the whole groups, as they are there."""
    if not optuna or not history.trials:
        return
    trials = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(path))).trials
    for mine, other in zip(history.trials, trials):
        if mine.value is not None and (other.value, other.state.name.lower()) != (mine.value, STATES[mine.state]):
            yield f"trial {mine.number} is {STATES[mine.state]} {mine.value}, and Optuna reads {other.state} {other.value}"
    if len(trials) < len(history.trials):
        yield f"{len(history.trials)} trials, and Optuna reads {len(trials)}"


def places(whole, count, rng):
    """Every byte of the tail first, then anywhere behind the first group: a study that was never begun is another thing."""
    begin = History(whole).groups[0].end
    tail = list(range(max(begin, len(whole) - TAIL), len(whole) + 1))
    if count <= len(tail):
        return rng.sample(tail, count)
    return tail + [rng.randint(begin, len(whole)) for _ in range(count - len(tail))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    o = parser.parse_args()
    use_a_python_with_optuna()
    cutter = Cutter(program_to_test(), os.path.abspath("test-files/torture_cut"))
    good = 0
    for n, at in enumerate(places(cutter.whole, o.count, random.Random(o.seed)), 1):
        complaints = list(cutter.cut(at))
        if complaints:
            print(f"cut at byte {at} of {len(cutter.whole)}: {'; '.join(complaints[:5])}")
            print(f"torture: cut cuts 1 failed seed {o.seed} {cutter.place}", flush=True)
            sys.exit(1)
        good += 1
        if good == 100 or n == o.count:
            print(f"torture: cut cuts {good} ok", flush=True)
            good = 0
    shutil.rmtree(cutter.place)
    print(f"{o.count} cuts; Optuna {'read each' if optuna else 'is not installed'}")


if __name__ == "__main__":
    main()
