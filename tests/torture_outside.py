"""Other processes that talk to a study while it is killed: enqueue, ask, tell, status, export, best. What they were told
is what the study must keep."""
import json
import os
import time

from torture_lib import PATIENCE, Command

ACTIONS = ("status", "export", "best", "enqueue", "tell point", "ask", "tell asked", "enqueue", "cancel")
MOST_POINTS = 14  # of ours in one study


class Outside:
    def __init__(self, cycle, program):
        self.cycle, self.program, self.rng = cycle, program, cycle.rng
        self.commands, self.number, self.next = [], 0, 0
        self.asked = {}  # trial: value to tell
        self.running = []  # trials, when they were last looked at
        self.made = 0
        self.counts = {}

    def act(self):
        """Called often: takes what has ended, starts something now and then."""
        self.commands = [c for c in self.commands if not c.over()]
        now = time.monotonic()
        if now < self.next or len(self.commands) >= 3 or not self.begun():
            return
        self.next = now + self.rng.uniform(0.02, 0.3)
        self.do(self.rng.choice(ACTIONS))

    def begun(self):
        return os.path.exists(os.path.join(self.cycle.study, "study.cfg"))

    def do(self, what):
        if what in ("enqueue", "tell point", "ask") and self.made >= MOST_POINTS:
            what = "status"
        if what == "tell point" and "sampler.name=grid" in self.cycle.shape.settings:  # the study may have that point itself
            what = "enqueue"
        if what == "tell asked" and not self.asked or what == "cancel" and not self.running:
            what = "export"
        self.counts[what] = self.counts.get(what, 0) + 1
        getattr(self, what.replace(" ", "_"))()

    def command(self, arguments, then):
        """`then` gets what it printed if it ended with 0, else None."""
        self.number += 1

        def ended(code, out, err):
            refused = code == 2 and ("is being written" in err or "did not take" in err or "is over already" in err)
            if code != 0 and not refused:
                raise AssertionError(f"coxswain {' '.join(arguments)} ended with {code}: {err[-600:]}")
            then(out if code == 0 else None, err)

        self.commands.append(Command(self.program, self.cycle.folder, arguments, self.number, ended))

    def file(self, content):
        path = os.path.join(self.cycle.folder, f"request-{self.number}.json")
        with open(path, "w") as f:
            json.dump(content, f)
        return path

    # ---- what they ask and what they hold us to ----

    def status(self):
        def then(out, err):
            best = json.loads(out)["best"] if out else None
            if best:
                self.cycle.shown.take_trial(best)

        self.command(["status", "study", "--json"], then)

    def export(self):
        def then(out, err):
            if not out:
                return
            export = json.loads(out)
            self.cycle.shown.take_export(export)
            self.running = [t["number"] for t in export["trials"] if t["state"] == "running"]

        self.command(["export", "study", "--format", "json"], then)

    def best(self):
        def then(out, err):
            for t in json.loads(out) if out else []:
                self.cycle.shown.take_trial(t)

        self.command(["best", "study", "--json", "-n", "3"], then)

    def new_point(self):
        while True:
            point = self.cycle.shape.point(self.rng)
            if not any(point == p[0] for p in self.cycle.shown.points):
                return point

    def enqueue(self):
        entry = [self.new_point(), False, None]
        self.cycle.shown.points.append(entry)
        self.made += 1

        def then(out, err):
            entry[1] = out is not None

        self.command(["enqueue", "study", "--point", json.dumps(entry[0])], then)

    def tell_point(self):
        entry = [self.new_point(), False, self.rng.uniform(5, 6)]
        self.cycle.shown.points.append(entry)
        self.made += 1

        def then(out, err):
            entry[1] = out is not None

        self.command(["tell", "study", self.file([{"params": entry[0], "value": entry[2]}])], then)

    def ask(self):
        self.made += 1

        def then(out, err):
            for p in json.loads(out) if out else []:
                self.cycle.shown.asked[p["trial"]] = p["params"]
                self.asked[p["trial"]] = self.rng.uniform(5, 6)

        self.command(["ask", "study", "-n", str(self.rng.randint(1, 2))], then)

    def tell_asked(self):
        trial, value = self.asked.popitem()

        def then(out, err):
            if out is not None or "is over already" in err:  # told before, but we were never told so
                self.cycle.shown.states[trial] = ("complete", value)
            else:
                self.asked[trial] = value

        self.command(["tell", "study", self.file([{"trial": trial, "value": value}])], then)

    def cancel(self):
        """Of a trial that trains or waits; it may be over by now. At most a few, so that the study has results."""
        trial = self.rng.choice(self.running)
        self.running = []
        if self.counts["cancel"] > 4 or trial in self.asked:
            return

        def then(out, err):
            if out is not None:
                self.cycle.shown.states[trial] = ("fail", None)

        self.command(["cancel", "study", str(trial)], then)

    # ---- the end ----

    def finish(self):
        """Waits for the commands that are under way."""
        end = time.monotonic() + PATIENCE
        while self.commands:
            self.commands = [c for c in self.commands if not c.over()]
            if time.monotonic() > end:
                raise AssertionError(f"not over after {PATIENCE} s: coxswain {' '.join(self.commands[0].arguments)}")
            time.sleep(0.005)

    def tidy(self, history):
        """Nobody will tell what is still out: all of it is told or cancelled. True if there was something."""
        open_trials = history.outside()
        while self.asked:
            self.tell_asked()
            self.finish()
        for t in open_trials:
            if t.number not in self.cycle.shown.states:
                self.command(["cancel", "study", str(t.number)], lambda out, err: None)
                self.finish()
        return bool(open_trials)

    def summary(self):
        return ", ".join(f"{n} {what}" for what, n in sorted(self.counts.items()))

    def destroy(self):
        for c in self.commands:
            c.destroy()
