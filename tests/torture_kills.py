#!/usr/bin/env python3
"""SIGKILL at any moment, to the steering rank, a worker, mpirun, the job: the study goes on, and nothing is lost or doubled.

    torture_kills.py [--count N] [--seed S] [--seconds T] [--place DIR] [--shape TEXT]

Each cycle takes a study, kills it several times (each kill that is followed by a resume counts as one), lets it finish, and
holds its history against everything that was acknowledged meanwhile and against undisturbed runs. In every other cycle
other processes talk to the study all the time. A cycle hangs on its seed: --seed S --count 1 does that one again. COXSWAIN names
the program; --seconds: no new cycle after that long; a failed cycle's folder stays.
"""
import argparse
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torture_verdict
from history_checker import OVER, History, Shown, compare, extends
from torture_lib import PATIENCE, Run, can_hold_processes, program_to_test, skip
from torture_outside import Outside
from torture_studies import SHAPES, References

VICTIMS = ("steering rank", "worker", "mpirun", "job", "job shell", "worker, others live on")
DONE = b'"coxswain:done":"all trials are done"'
BUSY = "is being written"


class Wrong(Exception):
    """What a cycle found."""


class Pace:
    """How long a start takes here and now, so that moments are spread over a run on any machine."""

    def __init__(self):
        self.startup = {}

    def of(self, ranks):
        return self.startup.get(ranks, 0.1 if ranks == 0 else 0.6)

    def note(self, ranks, seconds):
        self.startup[ranks] = 0.7 * self.of(ranks) + 0.3 * seconds


class Tail:
    """What is new in a journal."""

    def __init__(self, path):
        self.path, self.at = path, os.path.getsize(path) if os.path.exists(path) else 0
        self.text = b""

    def grown(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.at)
                new = f.read()
        except FileNotFoundError:
            return False
        self.at += len(new)
        self.text += new
        return bool(new)


class Cycle:
    def __init__(self, seed, place, program, references, pace, shape):
        self.seed, self.program, self.references, self.pace, self.shape = seed, program, references, pace, shape
        self.rng = random.Random(seed)
        self.busy = (seed + seed // len(SHAPES)) % 2 == 1
        self.folder = os.path.join(place, f"cycle-{seed}")
        self.study = os.path.join(self.folder, "study")
        self.journal = os.path.join(self.study, "journal.log")
        self.kills = collections.Counter()
        self.wanted = self.rng.randint(5, 9)
        self.shown, self.before, self.run, self.starts = Shown(), b"", None, 0
        self.outside = Outside(self, program) if self.busy else None
        self.hung = 0  # times that mpirun did not end, though all ranks had
        self.more, self.runs = [], []  # settings of later starts; what may still be alive

    def name(self):
        return f"seed {self.seed}: {self.shape.name}{', others talk to it' if self.busy else ''}"

    # ---- a start, and its end ----

    def start(self):
        self.starts += 1
        if self.starts > 60:
            raise Wrong("60 starts, and the study is not complete")
        recovery = self.shape.ranks > 1 and self.shape.team == 1 and self.rng.random() < 0.2
        self.recovery = recovery
        arguments = ["run", "study.cfg", "--out", "study", *self.shape.options(self.more)]
        if recovery:
            arguments += ["--set", "run.lost_after=1"]
        said = os.path.join(self.folder, f"said-{self.starts}")
        self.run = Run(self.program, self.folder, self.shape.ranks, arguments, said, recovery)
        self.runs = [self.run] + self.runs[:1]  # the one before may still be dying

    def plan(self):
        """When to kill: seconds after the start, or a word in the journal and seconds after it."""
        rng, start = self.rng, self.pace.of(self.shape.ranks)
        kind = rng.choices(("any", "startup", "request", "end"), (55, 15, 15, 15))[0]
        if kind == "startup":
            return rng.uniform(0, start), None
        if kind == "request" and self.busy:
            return rng.uniform(0, 0.004), b'"coxswain:inbox:'
        if kind == "end" and sum(self.kills.values()) >= self.wanted // 2:
            return rng.uniform(0, 0.03), DONE
        return rng.uniform(0, 1.2 * start + (0.4 if self.shape.trains or not self.shape.ranks else 0.8)), None

    def victim(self):
        if self.shape.ranks == 0:
            return "steering rank"
        return "worker, others live on" if self.recovery else self.rng.choice(VICTIMS[:5])

    def once(self):
        """One start, killed at a random moment if kills are left; True if there was a kill."""
        wants_kill = sum(self.kills.values()) < self.wanted
        delay, word = self.plan() if wants_kill else (PATIENCE, None)
        tail, seen = Tail(self.journal), None if word else 0
        old, started, members, looked = self.run, False, None, 0
        self.start()
        victim, impatient = self.victim(), self.rng.random() < 0.3
        while self.run.code() is None:
            now = self.run.seconds()
            if tail.grown() and not started:
                self.pace.note(self.shape.ranks, now)
                started = True
            if seen is None and word in tail.text:
                seen = now
            if seen is not None and now >= seen + delay:
                if not wants_kill:
                    raise Wrong(f"it is not over after {PATIENCE} s: {self.run.text()[-800:]}")
                break
            if now > 2 * PATIENCE:
                raise Wrong(f"it hangs: {self.run.text()[-800:]}")
            if self.outside:
                self.outside.act()
            if word and now > looked + 0.2:  # looked up before, to be quick when the word comes
                members, looked = self.run.members(), now
            time.sleep(0.0005 if word else 0.003)
        killed = self.run.code() is None and self.kill(victim, members)
        if old:
            self.see_off(old)
        if not killed:
            return self.ended_by_itself()
        if not impatient:
            self.see_off(self.run)
        return True

    def ended_by_itself(self):
        """0, or refused because what was killed before is not gone yet."""
        code, text = self.run.code(), self.run.text()
        self.see_off(self.run)
        self.shown.take_display(text)
        if code == 0 or (code == 2 and BUSY in text) or self.recovery:
            return False
        raise Wrong(f"it ended with {code}: {text[-1500:]}")

    def see_off(self, run):
        """Nothing of it is left, and what it had shown counts."""
        gone = run.wait_until_gone(15)
        if not gone and not run.programs(run.members()):
            # Open MPI 4.1: when a rank is killed while it connects, mpirun says so and may then wait for ever, alone.
            self.hung += 1
            run.destroy()
        if not run.wait_until_gone():
            names = ", ".join(f"{p.name} {p.pid}" for p in run.members())
            raise Wrong(f"not gone {PATIENCE} s after a kill: {names}")
        self.shown.take_display(run.text())
        tmp = os.path.join(self.folder, "tmp")
        if run is self.run and not self.run.members():
            shutil.rmtree(tmp, ignore_errors=True)
            os.makedirs(tmp, exist_ok=True)

    # ---- kills ----

    def kill(self, victim, members=None):
        """False: it ended before it could be killed."""
        run = self.run
        members = members or run.members()
        programs = run.programs(members)
        if self.shape.ranks == 0:
            victims = programs or members
        elif victim == "mpirun":
            victims = run.mpirun(members) or members
        elif victim in ("job", "job shell"):
            victims = list(members)
            self.rng.shuffle(victims)
        else:
            steering = [p for p in programs if p.rank() == 0]
            others = [p for p in programs if p not in steering]
            victims = steering if victim == "steering rank" else others[:1]
        if victim == "job shell" and not self.orphan(members):
            return False
        for p in victims or members:
            p.kill()
        if not victims:
            victim = "job"
        if not members:
            return False
        self.kills[victim] += 1
        if victim == "worker, others live on":
            self.live_on()
        return True

    def orphan(self, members):
        """The job's shell is gone but the run is not: a second copy on the study must be refused."""
        for p in self.run.shell(members):
            p.kill()
        self.run.process.wait()
        if not os.path.exists(self.journal) or self.rng.random() < 0.5:
            return True
        second = Run(self.program, self.folder, 0, ["run", "study.cfg", "--out", "study", *self.shape.options()],
                     os.path.join(self.folder, "said-second"))
        try:
            second.process.wait(PATIENCE)
        finally:
            second.destroy()
        still = bool(self.run.programs(self.run.members()))
        if still and second.process.returncode == 0 and not self.is_over():
            raise Wrong(f"a second copy was not refused: {second.text()[-800:]}")
        self.shown.take_display(second.text())
        return True

    def is_over(self):
        return History(self.bytes()).attributes.get("coxswain:done")

    def live_on(self):
        """A worker is dead, the others go on: until the study is over, or the rest is killed as well."""
        end = time.monotonic() + self.rng.uniform(0.2, 3)
        while time.monotonic() < end and self.run.code() is None:
            if self.outside:
                self.outside.act()
            time.sleep(0.01)
        for p in self.run.members():
            p.kill()

    # ---- looking ----

    def bytes(self):
        if not os.path.exists(self.journal):
            return b""
        with open(self.journal, "rb") as f:
            return f.read()

    def look(self):
        """Everything that was committed or shown is still there."""
        now = self.bytes()
        history = History(now)
        before, self.before = self.before, now
        self.hold(history.complaints + extends(before, now) + self.shown.complaints(history))
        return history

    def hold(self, complaints):
        complaints = list(complaints)
        if complaints:
            raise Wrong("; ".join(complaints[:8]) + (f" and {len(complaints) - 8} more" if len(complaints) > 8 else ""))

    def go(self):
        os.makedirs(os.path.join(self.folder, "tmp"))
        self.shape.write(os.path.join(self.folder, "study.cfg"), self.study_seed())
        over = False
        while not over:
            killed = self.once()
            if self.outside and self.rng.random() < 0.6:
                self.outside.finish()
            history = self.look()
            alone = self.run.gone() and not (self.outside and self.outside.commands)
            if killed and alone and history.attributes.get("coxswain:done"):  # it says so, so it must be so
                self.hold(torture_verdict.best_complaints(self, history))
            over = not killed and bool(history.attributes.get("coxswain:done")) and self.run.code() == 0
            if over and self.outside:
                self.outside.finish()
                over = not self.outside.tidy(history) and self.run.code() == 0
                over = over and bool(self.look().attributes.get("coxswain:done"))  # what came last may have opened it again
        self.hold(torture_verdict.of(self, self.look()))
        if self.seed % 3 == 0 and not self.busy:
            self.grow()

    def grow(self):
        """A complete study is given more trials and is killed while it makes them: then it is not complete."""
        self.more = [f"study.trials={len(self.look().trials) + 30}"]
        self.start()
        tail = Tail(self.journal)
        while b'"op_code":4' not in tail.text and self.run.code() is None and self.run.seconds() < PATIENCE:
            tail.grown()
            time.sleep(0.001)
        if self.run.code() is None:
            self.kill("job")
        self.see_off(self.run)
        if any(t.state not in OVER for t in self.look().trials):
            torture_verdict.coxswain(self, "status", "study", "--exit-code", code=75)
        self.wanted = 0
        while self.once() or self.run.code() != 0:
            pass
        history = self.look()
        known = self.references.values(self.shape, self.study_seed(), history.trials)
        self.hold(history.incomplete() + list(compare(history, known)))
        torture_verdict.coxswain(self, "status", "study", "--exit-code")

    def study_seed(self):
        return 1 + self.seed // (2 * len(SHAPES)) % 3

    def destroy(self):
        for run in self.runs:
            run.destroy()
        if self.outside:
            self.outside.destroy()


# ---- many cycles ----


def play(cycle):
    """None if all is well, else what was found."""
    try:
        cycle.go()
        return None
    except Wrong as wrong:
        return str(wrong)
    except (RuntimeError, OSError, AssertionError, subprocess.SubprocessError) as wrong:
        return f"{type(wrong).__name__}: {wrong}"
    finally:
        cycle.destroy()


def report(cycle, wrong, seconds):
    kills = ", ".join(f"{n} {victim}" for victim, n in cycle.kills.items())
    talk = f"; {cycle.outside.summary()}" if cycle.outside else ""
    talk += f"; mpirun alone did not end {cycle.hung} times" if cycle.hung else ""
    end = f"{seconds:.1f} s: {'FAILED' if wrong else 'ok'}"
    print(f"{cycle.name()}: {cycle.starts} starts, killed: {kills or 'nothing'}{talk}; {end}")
    n = sum(cycle.kills.values())
    if wrong:
        print(f"  its files are in {cycle.folder}\n  {wrong}")
        print(f"torture: kills kills {n} failed seed {cycle.seed} {cycle.folder}", flush=True)
    else:
        shutil.rmtree(cycle.folder)
        print(f"torture: kills kills {n} ok seed {cycle.seed}", flush=True)


def shape_of(seed, wanted):
    shapes = [s for s in SHAPES if wanted in s.name] or sys.exit(f"no shape with '{wanted}' in its name")
    return shapes[seed % len(shapes)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--place", default="test-files/torture_kills")
    parser.add_argument("--shape", default="")
    o = parser.parse_args()
    program = program_to_test()
    if not shutil.which("mpirun"):
        skip("no mpirun")
    if not can_hold_processes():
        skip("no pidfd_open here (Linux 5.3, Python 3.9)")
    place = os.path.abspath(o.place)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    references, pace = References(program, place), Pace()
    kills, failed, seed, begin = collections.Counter(), 0, o.seed, time.monotonic()
    while sum(kills.values()) < o.count and time.monotonic() - begin < o.seconds:
        cycle, began = Cycle(seed, place, program, references, pace, shape_of(seed, o.shape)), time.monotonic()
        wrong = play(cycle)
        report(cycle, wrong, time.monotonic() - began)
        kills.update(cycle.kills)
        failed += wrong is not None
        seed += 1
    n, spent = sum(kills.values()), time.monotonic() - begin
    print(f"{n} kills in {seed - o.seed} cycles, {spent:.0f} s, {spent / max(1, n):.2f} s a kill: "
          + ", ".join(f"{n} {victim}" for victim, n in kills.most_common()) + f"; {failed} cycles failed")
    if not failed:
        shutil.rmtree(place)
    sys.exit(1 if failed or not kills else 0)


if __name__ == "__main__":
    main()
