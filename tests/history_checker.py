#!/usr/bin/env python3
"""Reads the journal of a study by itself, without any of the program's code, and says what in it cannot be true.

    history_checker.py JOURNAL             prints each complaint; exit code 1 if there is one
    history_checker.py JOURNAL --complete  the study must be over as well

As a module (torture_kills.py): History(bytes) reads and folds a journal, `extends` compares two of its versions, Shown
collects what was acknowledged to somebody outside and must therefore be there, `compare` holds values against those of
runs that nobody disturbed. test_history_checker.py doctors journals and expects each fault to be found.
"""
import json
import math
import re
import sys
import zlib

RUNNING, COMPLETE, PRUNED, FAIL, WAITING = range(5)
STATES = ("running", "complete", "pruned", "fail", "waiting")
OVER = (COMPLETE, PRUNED, FAIL)
ENDS = ("reached", "finished", "failed", "interrupted", "lost", "crashed", "cancelled")
MARK = re.compile(rb',"commit":"(\d+)-([0-9a-f]{8})"}$')
OURS = re.compile(rb'^\{"op_code":\d,"worker_id":"coxswain-(\d+)"')
DISPLAYED = re.compile(r"best:? \S+ (\S+), trial (\d+):")


class Group:
    """Lines that became durable together."""

    def __init__(self, epoch, first_line, start, before):
        self.epoch, self.first_line, self.start, self.end = epoch, first_line, start, None
        self.before = before  # lines that were committed when this group began
        self.ops = []  # (line number, op)


def read_groups(data):
    """The groups of a journal; how many bytes are committed; complaints about lines and checksums."""
    groups, complaints, crc, epoch, committed, lines, at, group = [], [], 0, 0, 0, 0, 0, None
    while (feed := data.find(b"\n", at)) >= 0:
        line, start, at = data[at:feed], at, feed + 1
        lines += 1
        ours, mark = OURS.match(line), MARK.search(line)
        try:
            op = json.loads(line)
        except ValueError:
            complaints.append(f"line {lines}: not JSON")
            break
        if not ours:  # a dashboard's
            if op.get("op_code") not in (2, 3, 8, 9):
                complaints.append(f"line {lines}: neither ours nor an attribute")
            continue
        if int(ours[1]) < epoch:
            complaints.append(f"line {lines}: of writer {int(ours[1])}, though writer {epoch} had taken over")
        if group is None:
            group = Group(int(ours[1]), lines, start, lines - 1)
        if int(ours[1]) != group.epoch or (mark and int(mark[1]) != group.epoch):
            complaints.append(f"line {lines}: two writers in one group")
        group.ops.append((lines, op))
        crc = zlib.crc32((line[: mark.start()] + b"}" if mark else line) + b"\n", crc)
        if mark:
            if crc != int(mark[2], 16):
                complaints.append(f"line {lines}: the checksum is wrong")
                crc = int(mark[2], 16)
            epoch, committed, group.end = max(epoch, group.epoch), at, at
            groups.append(group)
            group = None
    return groups, committed, complaints


class Trial:
    def __init__(self, number):
        self.number, self.state, self.value, self.key = number, RUNNING, None, None
        self.params = {}  # name: (internal value, distribution)
        self.enqueued = self.asked_at = None  # None: the point is not complete yet
        self.reports = []  # (step, value)
        self.step = self.saved = 0
        self.stint = None  # the one that is out
        self.metrics = {}
        self.told = False  # the value came from outside
        self.parent = self.confirms = None  # the trial whose state it starts from; the one whose point it repeats
        self.ends = {}  # step: pack, where stints came to their end, if the state was saved before that
        self.pack = None  # the newest

    def identity(self):
        """What its values must hang on, and nothing else: its random numbers' key, its point, and what it starts from."""
        origin = (self.parent.identity(), self.parent_step) if self.parent else None
        return self.key, json.dumps(self.params, sort_keys=True), origin

    def point(self):
        """As users write it."""
        return {name: external(value, distribution) for name, (value, distribution) in self.params.items()}


def external(value, distribution):
    d = json.loads(distribution)
    if d["name"] == "CategoricalDistribution":
        return d["attributes"]["choices"][int(value)]
    return int(value) if d["name"] == "IntDistribution" else value


class History:
    """The fold. Everything that does not fit what came before is a complaint."""

    def __init__(self, data):
        self.groups, self.committed, self.complaints = read_groups(data)
        self.name, self.maximize, self.trials, self.attributes = None, False, [], {}
        self.taken = []  # requests of other processes
        self.stints, self.orders, self.epoch = 0, {}, 0
        for group in self.groups:
            self.begin_group(group)
            for line, op in group.ops:
                self.line = line
                self.apply(op, group)
            if self.trials and self.trials[-1].asked_at is None:
                self.complain(f"trial {len(self.trials) - 1}: its group ends before its point is complete")

    def complain(self, text):
        self.complaints.append(f"line {self.line}: {text}")

    def begin_group(self, group):
        """Writers take turns, and each says so first."""
        self.line, first = group.first_line, group.ops[0][1]
        if group.epoch != self.epoch:
            if group.epoch != self.epoch + 1:
                self.complain(f"writer {group.epoch} comes after writer {self.epoch}")
            if self.epoch and "coxswain:writer" not in first.get("system_attr", {}):
                self.complain(f"writer {group.epoch} does not say that it takes over")
        self.epoch = max(self.epoch, group.epoch)

    def apply(self, op, group):
        code = op["op_code"]
        if code == 0:
            self.create_study(op)
        elif code in (2, 3):
            self.study_attribute(op, group)
        elif code == 4:
            self.create_trial()
        elif not 0 <= op.get("trial_id", -1) < len(self.trials):
            self.complain(f"trial {op.get('trial_id')} is not there")
        else:
            self.apply_to_trial(self.trials[op["trial_id"]], op, code, group)

    def create_study(self, op):
        if self.name is not None or self.line != 1:
            self.complain("a study begins in the middle")
        self.name, self.maximize = op["study_name"], op["directions"] == [2]

    def study_attribute(self, op, group):
        ((key, value),) = op["user_attr" if op["op_code"] == 2 else "system_attr"].items()
        if key.startswith("coxswain:inbox:"):
            if key in self.taken:
                self.complain(f"request {key} is taken twice")
            self.taken.append(key)
        if key == "coxswain:writer" and value["epoch"] != group.epoch:
            self.complain(f"writer {group.epoch} calls itself {value['epoch']}")
        self.attributes[key] = value

    def create_trial(self):
        if self.trials and self.trials[-1].asked_at is None:
            self.complain(f"trial {len(self.trials) - 1} has no complete point, and the next begins")
        self.trials.append(Trial(len(self.trials)))

    def apply_to_trial(self, t, op, code, group):
        system = op.get("system_attr", {}) if code == 9 else {}
        origins = ("coxswain:asked", "coxswain:parent", "coxswain:confirms")
        if t.asked_at is None and code != 5 and not any(o in system for o in origins):
            self.complain(f"trial {t.number}: something happens before its point is complete")
        if code == 5:
            self.param(t, op)
        elif code == 6:
            self.state(t, op)
        elif code == 7:
            self.report(t, op)
        elif code == 8:
            if t.state in OVER:
                self.complain(f"trial {t.number}: a metric after its end")
            t.metrics.update(op["user_attr"])
        for key, value in system.items():
            handler = getattr(self, key.partition(":")[2] if key.startswith("coxswain:") else "", None)
            if key in origins[1:] and t.asked_at is not None:
                self.complain(f"trial {t.number}: it comes from another, and says so too late")
            if key in ("coxswain:asked", "coxswain:parent", "coxswain:confirms", "coxswain:stint", "coxswain:end", "coxswain:saved"):
                handler(t, value, group)

    def param(self, t, op):
        if t.asked_at is not None or op["param_name"] in t.params:
            self.complain(f"trial {t.number}: {op['param_name']} comes twice, or after the point was complete")
        t.params[op["param_name"]] = (op["param_value_internal"], op["distribution"])

    def asked(self, t, x, group):
        if t.asked_at is not None:
            self.complain(f"trial {t.number}: asked for twice")
        if x["at"] != group.before:
            self.complain(f"trial {t.number}: asked at {x['at']} lines, but {group.before} were there")
        t.asked_at, t.enqueued, t.key = x["at"], x["enqueued"], x["key"]

    def parent(self, t, x, group):
        known = all(0 <= x[of] < t.number for of in ("trial", "replaces"))
        if not known or self.trials[x["trial"]].ends.get(x["step"]) != x["pack"]:
            self.complain(f"trial {t.number}: starts from trial {x['trial']} at step {x['step']}, which is not in {x['pack']}")
        if known and any(o.parent and o.replaces == x["replaces"] for o in self.trials[: t.number]):
            self.complain(f"trial {t.number}: takes the place of trial {x['replaces']}, which another one has")
        if known and self.trials[x["replaces"]].state not in (PRUNED, FAIL):
            self.complain(f"trial {t.number}: takes the place of trial {x['replaces']}, which is not over")
        t.parent, t.replaces = self.trials[x["trial"]] if known else None, x["replaces"]
        t.step = t.parent_step = t.saved = x["step"]

    def confirms(self, t, x, group):
        if not 0 <= x < t.number or self.trials[x].state != COMPLETE or self.trials[x].params != t.params:
            self.complain(f"trial {t.number}: is no repeat of trial {x}")
        t.confirms = x

    def stint(self, t, x, group):
        if t.stint is not None:
            self.complain(f"trial {t.number}: stint {x['id']} goes out while {t.stint['id']} is out")
        if t.state not in (RUNNING, COMPLETE):
            self.complain(f"trial {t.number}: stint {x['id']} goes out after its end")
        if x["id"] != self.stints:
            self.complain(f"stint {x['id']} comes where {self.stints} should")
        if x["from"] != t.step or x["to"] < x["from"]:
            self.complain(f"trial {t.number}: stint {x['id']} from {x['from']} to {x['to']}, but it is at step {t.step}")
        if x["order"] >= 0 and t.state == RUNNING:  # handed out again: the same decision
            decision = self.orders.setdefault(x["order"], (t.number, x["to"]))
            if decision != (t.number, x["to"]):
                self.complain(f"trial {t.number}: decision {x['order']} was made for trial {decision[0]}")
        t.stint, self.stints = x, max(self.stints, x["id"]) + 1
        t.told = x["worker"] < 0

    def end(self, t, x, group):
        if t.stint is None or t.stint["id"] != x["id"]:
            self.complain(f"trial {t.number}: stint {x['id']} ends, but is not out")
            return
        if x["how"] not in ENDS or not t.stint["from"] <= x["step"] <= t.stint["to"]:
            self.complain(f"trial {t.number}: stint {x['id']} ends with {x['how']} at step {x['step']}")
        t.stint = None
        if x["how"] in ("reached", "finished", "interrupted") and t.state == RUNNING:
            t.step = x["step"]
        if x["how"] == "reached" and t.saved == x["step"]:
            t.ends.setdefault(x["step"], t.pack)

    def saved(self, t, x, group):
        if x["step"] < t.saved:
            self.complain(f"trial {t.number}: saved at step {x['step']} after step {t.saved}")
        t.saved, t.pack = x["step"], x["pack"]

    def report(self, t, op):
        step, value = op["step"], op["intermediate_value"]
        last = t.reports[-1][0] if t.reports else t.parent_step if t.parent else 0
        if t.state in OVER:
            self.complain(f"trial {t.number}: a report after its end")
        elif t.stint is None or step > t.stint["to"]:
            self.complain(f"trial {t.number}: a report of step {step}, which is not out")
        if step <= last:
            self.complain(f"trial {t.number}: a report of step {step} after step {last}")
        if not math.isfinite(value):
            self.complain(f"trial {t.number}: the report of step {step} is {value}")
        t.reports.append((step, value))

    def state(self, t, op):
        if op["state"] not in OVER:
            return
        if t.state in OVER:
            self.complain(f"trial {t.number}: {STATES[op['state']]}, but it was {STATES[t.state]} already")
        values = op["values"]
        if op["state"] == COMPLETE and not (values and math.isfinite(values[0])):
            self.complain(f"trial {t.number}: complete without a value")
        if op["state"] == PRUNED and t.confirms is None and values and values[0] != self.best_report(t):
            self.complain(f"trial {t.number}: pruned with {values[0]}, which is not its best report")
        t.state, t.value, t.stint = op["state"], values[0] if values else None, None

    def best_report(self, t):
        values = [v for _, v in t.reports]
        return (max if self.maximize else min)(values) if values else None

    def best(self):
        """The best trial; of equals, the first."""
        done = [t for t in self.trials if t.state == COMPLETE and t.confirms is None]
        return min(done, key=lambda t: (-t.value if self.maximize else t.value, t.number)) if done else None

    def outside(self):
        """Trials that somebody outside has asked for and not told."""
        return [t for t in self.trials if t.stint is not None and t.stint["worker"] < 0]

    def incomplete(self):
        """Complaints of a study that should be over."""
        found = [f"trial {t.number} is never over" for t in self.trials if t.state not in OVER]
        if not self.attributes.get("coxswain:done"):
            found.append("the study does not say that it is complete")
        return found


def extends(before, after):
    """Nothing that was committed may ever change or go."""
    n = History(before).committed if before else 0
    if before[:n] == after[:n]:
        return []
    same = next((i for i, (a, b) in enumerate(zip(before[:n], after)) if a != b), min(n, len(after)))
    line = before.count(b"\n", 0, same) + 1
    return [f"line {line}: was committed, and is another one now or gone"]


class Shown:
    """What was acknowledged outside: by a command that ended with 0, in an export, a status or on the display."""

    def __init__(self):
        self.states = {}  # trial: (state, value) of those shown as over
        self.reports = {}  # (trial, step): value
        self.points = []  # [point, acknowledged, value that was told or None]
        self.asked = {}  # trial: point
        self.displayed = {}  # trial: value as text, shortened

    def take_export(self, export):
        for t in export["trials"]:
            self.take_trial(t)

    def take_trial(self, t):
        if t["state"] in ("complete", "pruned", "fail"):
            self.states[t["number"]] = (t["state"], t["value"])
        for step, value in t["intermediate_values"].items():
            self.reports[t["number"], int(step)] = value

    def take_display(self, text):
        for value, number in DISPLAYED.findall(text):
            self.displayed[int(number)] = value

    def complaints(self, history):
        return list(self.lost_trials(history)) + list(self.wrong_points(history))

    def lost_trials(self, history):
        trials = history.trials
        for number, (state, value) in self.states.items():
            t = trials[number] if number < len(trials) else None
            if not t or (STATES[t.state], t.value) != (state, value):
                now = f"{STATES[t.state]} {t.value}" if t else "not there"
                yield f"trial {number} was shown as {state} {value}, and is {now}"
        for (number, step), value in self.reports.items():
            if number >= len(trials) or (step, value) not in trials[number].reports:
                yield f"trial {number}: the report of step {step} was shown as {value}, and is not there"
        for number, point in self.asked.items():
            if number >= len(trials) or trials[number].point() != point or trials[number].enqueued:
                yield f"trial {number} was handed out by ask, and is not there"
        for number, text in self.displayed.items():
            t = trials[number] if number < len(trials) else None
            if not t or t.state != COMPLETE or f"{t.value:.6g}" != f"{float(text):.6g}":
                yield f"trial {number} was displayed as the best with {text}, and is not there so"

    def wrong_points(self, history):
        enqueued = [t for t in history.trials if t.enqueued]
        for point, acknowledged, value in self.points:
            found = [t for t in enqueued if t.point() == point]
            if len(found) > 1:
                yield f"{point} was handed in once, and is there as trials {[t.number for t in found]}"
            if acknowledged and not found:
                yield f"{point} was taken, and is not there"
            for t in found if value is not None else ():
                if t.state != COMPLETE or t.value != value:
                    yield f"trial {t.number} was told as {value}, and is {STATES[t.state]} {t.value}"
        for t in enqueued:
            if not any(t.point() == p[0] for p in self.points):
                yield f"trial {t.number} is a point that nobody handed in"


def compare(history, known):
    """Complaints about values that differ from those of undisturbed runs; `known`: {identity: Trial}."""
    for t in history.trials:
        if t.told:
            continue
        other = known.get(t.identity())
        if other is None:
            yield f"trial {t.number} has nothing to compare it with"
            continue
        theirs = dict(other.reports)
        for step, value in t.reports:
            if theirs.get(step) != value:
                yield f"trial {t.number}: {value!r} at step {step}, undisturbed {theirs.get(step)!r}"
        if t.state == COMPLETE and (t.value, story(t)) != (other.value, story(other)):
            yield f"trial {t.number}: {t.value!r} {story(t)}, undisturbed {other.value!r} {story(other)}"


def story(t):
    """Reports and metrics, without where and how long."""
    return t.reports, {k: v for k, v in t.metrics.items() if k != "provenance"}


def main(path, complete):
    history = History(open(path, "rb").read())
    complaints = history.complaints + (history.incomplete() if complete else [])
    for text in complaints:
        print(f"{path}: {text}")
    return 1 if complaints else 0


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--complete"]
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    sys.exit(main(arguments[0], "--complete" in sys.argv))
