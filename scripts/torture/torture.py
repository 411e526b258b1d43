"""scripts/torture.sh: runs the drivers, keeps the counts."""
import argparse
import datetime
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import parts
import table
from ledger import Ledger, ledger_path

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINE = re.compile(r"^torture: (\S+) (.+?) (\d+) (ok|failed)\b(?: seed (\d+))?(?: (/\S+))?")


def say(text):
    print(f"== {text}", flush=True)


def commit():
    """Of the sources, with a star if they are changed; empty where there is no git."""
    git = ["git", "-C", SOURCE]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True)
    return head.stdout.strip() + ("*" if changed.stdout.strip() else "") if head.returncode == 0 else ""


class Session:
    """One call: which parts, how often, into which ledger."""

    def __init__(self, o, ledger):
        self.o, self.ledger, self.commit = o, ledger, commit()
        self.build = os.path.join(SOURCE, o.build)
        self.place = os.path.join(os.path.dirname(os.path.abspath(ledger.path)), "cycles")
        self.process = self.folder = None  # of the driver that runs

    def note(self, part, what, count, result, **more):
        date = datetime.date.today().isoformat()
        self.ledger.add(part=part.name, what=what, count=count, result=result, commit=self.commit, date=date, **more)

    def environment(self):
        faults = [os.path.join(self.build, "tests", f"{p}fault_calls.so") for p in ("", "lib")]
        return os.environ | {
            "COXSWAIN": os.path.join(self.build, "coxswain"),
            "COXSWAIN_BUILD": self.build,
            "COXSWAIN_SOURCE": SOURCE,
            "COXSWAIN_FAULTS": next((f for f in faults if os.path.exists(f)), faults[0]),
            "PYTHONUNBUFFERED": "1",
        }

    def once(self, part, count, seed):
        """One start of a driver. (exit code, what it counted, its last line)"""
        self.folder = folder = os.path.join(self.place, f"{part.name}-{seed}")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        command = part.command(SOURCE, count, seed, os.path.join(folder, "files"))
        self.process = subprocess.Popen(command, cwd=folder, env=self.environment(), stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        counted, failed, last = {}, 0, ""
        for text in self.process.stdout:
            found = LINE.match(text.strip())
            if found:
                _, what, n, result, s, where = found.groups()
                s = int(s) if s else seed
                why = {"why": last[:1000]} if result != "ok" else {}
                self.note(part, what, int(n), result, seed=s, folder=where, **why)
                counted[what] = counted.get(what, 0) + int(n)
                failed += result != "ok"
            else:
                last = text.strip() or last
                print(f"   {text.rstrip()}", flush=True)
        code = self.process.wait()
        if code not in (0, 77) and not failed:
            self.note(part, part.what, 1, "failed", seed=seed, folder=folder, why=last[:1000])
        elif code == 0 and part.each is not None and not counted:
            counted[part.what] = count if part.each == "count" else part.each
            self.note(part, part.what, counted[part.what], "ok", seed=seed)
        if code in (0, 77):
            shutil.rmtree(folder, ignore_errors=True)
        return code, max(counted.values(), default=0) if part.parallel else sum(counted.values()), last

    def stop(self):
        """The cycle under way does not count, and leaves nothing."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        if self.folder and not any((e.get("folder") or "").startswith(self.folder) for e in self.ledger.failures()):
            shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, part):
        """False if something failed."""
        goal = self.o.count or max(0, part.goal - part.reached(self.ledger.counts(part.name)))
        why = part.missing(SOURCE)
        if why:
            say(f"{part.name} ({part.promise}): not available: {why}")
            return True
        if goal == 0:
            say(f"{part.name} ({part.promise}): {part.reached(self.ledger.counts(part.name)):,} counted, as promised")
            return True
        seed = self.o.seed if self.o.seed is not None else self.ledger.next_seed(part.name)
        done, well, begin = 0, True, time.monotonic()
        while done < goal:
            say(f"{part.name} ({part.promise}): {done:,} of {goal:,} {part.what}, from seed {seed}")
            code, counted, last = self.once(part, goal - done, seed)
            if code == 77:
                say(f"{part.name}: not available: {last.removeprefix('skipped: ')}")
                return True
            well = well and code == 0
            done += max(counted, 1)
            seed = max(seed + 1, self.ledger.next_seed(part.name))
        say(f"{part.name}: {done:,} {part.what} in {time.monotonic() - begin:.0f} s{'' if well else ', FAILED'}")
        return well


def show_list():
    for p in parts.PARTS:
        why = p.missing(SOURCE)
        print(f"{p.name:<13} {p.promise:<4} {p.goal:>11,} {p.what}{f': not available: {why}' if why else ''}")


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/torture.sh", usage="scripts/torture.sh [PART...] [options]; --help says more")
    parser.add_argument("part", nargs="*")
    parser.add_argument("--count", type=int)
    parser.add_argument("--continue", dest="ledger")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--build", default="build")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", nargs="?", const="")
    parser.add_argument("--readme", nargs="?", const="")
    parser.add_argument("--called-from", default=os.getcwd())
    o = parser.parse_args()
    unknown = [p for p in o.part if not parts.by_name(p)]
    if unknown:
        parser.error(f"no part {unknown[0]}: there are {', '.join(p.name for p in parts.PARTS)}")
    return o


def latest(build):
    """The newest ledger of this build."""
    top = os.path.join(SOURCE, build, "torture")
    found = sorted(os.listdir(top)) if os.path.isdir(top) else []
    return os.path.join(top, found[-1]) if found else sys.exit(f"no ledger in {top}: name one")


def find_ledger(o, path):
    return Ledger(ledger_path(os.path.join(o.called_from, path) if path else latest(o.build)))


def main():
    o = arguments()
    if o.list:
        return show_list()
    if o.table is not None:
        return print(table.table(find_ledger(o, o.table)), end="")
    if o.readme is not None:
        return table.put_into(os.path.join(SOURCE, "README.md"), table.table(find_ledger(o, o.readme)))
    if not os.access(os.path.join(SOURCE, o.build, "coxswain"), os.X_OK):
        sys.exit(f"{o.build}/coxswain is not there: scripts/test.sh builds it, --build names another folder")
    now = datetime.datetime.now().strftime("%Y-%m-%d-%H%M%S")
    place = os.path.join(o.called_from, o.ledger) if o.ledger else os.path.join(SOURCE, o.build, "torture", now)
    path = ledger_path(os.path.normpath(place))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    session = Session(o, Ledger(path))
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell in the background has SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    well = True
    try:
        for part in [parts.by_name(p) for p in o.part] or parts.PARTS:
            well = session.run(part) and well
    except KeyboardInterrupt:
        well = False
        session.stop()
        say("stopped; what was counted is kept")
    print(table.table(session.ledger))
    for e in session.ledger.failures():
        say(f"FAILED: {e['part']}, seed {e.get('seed')}, {e.get('folder')}, commit {e['commit']}: {e.get('why')}")
    say(f"the ledger is {path}; go on with it: scripts/torture.sh --continue {os.path.dirname(path)}")
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
