#!/usr/bin/env python3
"""scripts/quickstart.sh on a terminal, with a small sample: Ctrl-C in the middle, and typed again it ends well."""

import os
import pty
import select
import shutil
import signal
import sys
import time

SOURCE = os.environ["COXSWAIN_SOURCE"]
OUT = os.path.abspath("test-files/quickstart")
# With halving these are a few seconds of work.
COMMAND = [f"{SOURCE}/scripts/quickstart.sh", "-n", "2"]
for setting in ("study.trials=40", "data.rows=6000"):
    COMMAND += ["--set", setting]


def finished_trials():
    """Lines of the journal that end a trial or record a value: something is there that must not be lost."""
    try:
        with open(f"{OUT}/journal.log", encoding="utf-8") as f:
            return sum('"intermediate_value"' in line for line in f)
    except FileNotFoundError:
        return 0


def type_command(interrupt_when, patience=240):
    """Runs the command on a terminal of its own; types Ctrl-C once interrupt_when() holds. Exit code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["COXSWAIN_OUT"] = OUT
        os.execv(COMMAND[0], COMMAND)
    output, end, waiting = b"", time.monotonic() + patience, interrupt_when is not None
    while True:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            sys.exit(f"no end after {patience} s; so far:\n{output.decode(errors='replace')}")
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                piece = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            output += piece
        if waiting and interrupt_when():
            os.write(terminal, b"\x03")
            waiting = False
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return code, output.decode(errors="replace")


def expect(holds, what, output):
    if not holds:
        sys.exit(f"{what}; the output:\n{output}")


shutil.rmtree(OUT, ignore_errors=True)
code, output = type_command(lambda: finished_trials() >= 2)
expect(code == 75, f"Ctrl-C should end it with 75, it was {code}", output)
expect("again to go on" in output, "it should say how to go on", output)
before = finished_trials()

code, output = type_command(None)
expect(code == 0, f"typed again it should end with 0, it was {code}", output)
expect("going on with the study" in output, "typed again it should go on", output)
expect("the best point" in output and "where to look" in output, "it should end with the best points", output)
expect(finished_trials() > before, "it should have gone on with the work", output)
print(f"stopped after {before} results, ended after {finished_trials()}")
