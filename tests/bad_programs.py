#!/usr/bin/env python3
"""Programs that a study must live with. bad_programs.py NAME is one of them; bad_programs.py --list prints their names;
bad_programs.py --check reads what `coxswain export --format json` says of a study over all of them."""
import json
import os
import signal
import subprocess
import sys
import time


def say(**what):
    print(json.dumps(what), flush=True)


def forever():
    while True:
        time.sleep(100)


def folder(name):
    return os.path.join(os.environ["COXSWAIN_FOLDER"], name)


def result(text):
    with open(folder("result.json"), "w") as f:
        f.write(text)


def leave_orphan(new_session):
    """A process that outlives its parent and does not listen to SIGTERM."""
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(1000)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=new_session)
    child.stdout.readline()


def daemon():
    leave_orphan(True)
    say(loss=1)


def helper():
    leave_orphan(False)
    say(loss=1)


def orphans_and_exit():
    leave_orphan(True)
    leave_orphan(False)
    sys.exit(4)


def die_of(number):
    signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
    os.kill(os.getpid(), number)
    forever()


def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    forever()


def hang_in_session():
    os.setpgid(0, 0) if os.getpgrp() != os.getpid() else None
    leave_orphan(True)
    forever()


def flood(stream, piece):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        stream.write(piece)


def eat_memory():
    got = []
    while True:
        got.append(bytearray(1 << 26))


def crash():
    raise KeyError("no such column")


def remove_folder():
    import shutil

    os.chdir("/")
    shutil.rmtree(os.environ["COXSWAIN_FOLDER"])
    sys.exit(1)


def nan_and_hang():
    say(step=1, loss=1.0)
    say(step=2, loss=float("nan"))
    forever()


def close_output():
    os.close(1)
    os.close(2)


def after_result(how):
    say(loss=0.5)
    how()


def stderr_binary():
    os.write(2, bytes(range(256)) + b"\nlast \xff\xfe words\n")
    sys.exit(1)


def noise():
    os.write(1, b"{\n{\"loss\": }\n\x00\xff\xfe{}\n" + b"x" * 100000 + b"\n[1]\n{\"event\": \"start\"}\n")
    say(loss=1)


def find_rank():
    ours = [k for k in os.environ if k.startswith(("OMPI_", "PMIX_", "PMI_", "SLURM_PROCID"))]
    say(loss=1, status=len(ours), message=" ".join(ours))


# name: (what it does, what its trial's reason must contain; None: it is a good one and its value is 1)
PROGRAMS = {
    "good": (lambda: say(loss=1), None),
    "good result.json": (lambda: result('{"loss": 1, "accuracy": 0.5}'), None),
    "good file over lines": (lambda: (say(loss=7), result('{"loss": 1}')), None),
    "good last line": (lambda: (say(loss=7), say(loss=1)), None),
    "good without newline": (lambda: print('{"loss": 1}', end=""), None),
    "good steps": (lambda: (say(step=1, loss=3), say(step=2, loss=2), say(loss=1)), None),
    "good among noise": (noise, None),
    "good status": (lambda: say(loss=1, status="ok"), None),
    "good with daemon": (daemon, None),
    "good with helper": (helper, None),
    "good: is no rank": (find_rank, None),
    "nan": (lambda: say(loss=float("nan")), "val_loss is nan"),
    "infinity": (lambda: say(loss=float("inf")), "val_loss is inf"),
    "minus infinity": (lambda: say(loss=float("-inf")), "val_loss is -inf"),
    "nan on the way": (nan_and_hang, "val_loss is nan at step 2"),
    "too large": (lambda: print('{"loss": 1e999}'), "not valid JSON"),
    "nothing": (lambda: None, "without a result"),
    "text": (lambda: print("loss: 0.5"), "without a result"),
    "broken line": (lambda: print('{"loss": 0.5'), "not valid JSON"),
    "two values in a line": (lambda: print('{"loss": 0.5} {"loss": 0.4}'), "not valid JSON"),
    "other metric": (lambda: say(accuracy=0.9), "without a result"),
    "text as value": (lambda: say(loss="0.5"), "its value is not a number"),
    "null as value": (lambda: say(loss=None), "its value is null"),
    "half a step": (lambda: say(loss=1, step=1.5), "its step is not a whole number"),
    "binary": (lambda: os.write(1, os.urandom(100000)), "without a result"),
    "closed output": (close_output, "without a result"),
    "too early": (lambda: say(loss=0.5, step=1), "ended after step 1, but was to go to 2"),
    "exception": (crash, "KeyError: 'no such column'"),
    "exit 1": (lambda: sys.exit(1), "exit code 1"),
    "exit 255": (lambda: sys.exit(255), "exit code 255"),
    "exit after result": (lambda: after_result(lambda: sys.exit(3)), "exit code 3"),
    "orphans": (orphans_and_exit, "exit code 4"),
    "segfault": (lambda: die_of(signal.SIGSEGV), "killed by signal 11"),
    "abort": (lambda: die_of(signal.SIGABRT), "killed by signal 6"),
    "floating point": (lambda: die_of(signal.SIGFPE), "killed by signal 8"),
    "killed": (lambda: die_of(signal.SIGKILL), "perhaps for want of memory"),
    "killed after result": (lambda: after_result(lambda: die_of(signal.SIGKILL)), "killed by signal 9"),
    "terminated": (lambda: die_of(signal.SIGTERM), "killed by signal 15"),
    "hangs": (forever, "not done after command.timeout"),
    "hangs after result": (lambda: after_result(forever), "not done after command.timeout"),
    "hangs, deaf": (deaf, "not done after command.timeout"),
    "hangs, with daemon": (hang_in_session, "not done after command.timeout"),
    "stops itself": (lambda: die_of(signal.SIGSTOP), "not done after command.timeout"),
    "endless lines": (lambda: flood(sys.stdout, "spam and more spam\n" * 1000), "MB to stdout"),
    "endless line": (lambda: flood(sys.stdout, "x" * 100000), "MB to stdout"),
    "endless errors": (lambda: flood(sys.stderr, "warning: x\n" * 1000), "MB to stderr"),
    "out of memory": (eat_memory, "MemoryError"),
    "status": (lambda: say(status=2, message="no data left"), "status 2: no data left"),
    "status with value": (lambda: say(status=-1, loss=0.5), "status -1"),
    "status as text": (lambda: say(status="fail", loss=0.5), "status fail"),
    "status as list": (lambda: say(status=[], loss=0.5), "neither a number nor a text"),
    "broken result.json": (lambda: (say(loss=0.5), result('{"loss": ')), "result.json: it is not valid JSON"),
    "empty result.json": (lambda: (say(loss=0.5), result("")), "result.json"),
    "nan in result.json": (lambda: result('{"loss": NaN}'), "val_loss is nan"),
    "result.json is a folder": (lambda: (say(loss=0.5), os.mkdir(folder("result.json"))), "result.json"),
    "removes its folder": (remove_folder, "exit code 1"),
    "binary errors": (stderr_binary, "last ?? words"),
}


def check(trials):
    assert len(trials) == len(PROGRAMS), len(trials)
    for t in trials:
        name = t["params"]["program"]
        wanted = PROGRAMS[name][1]
        if wanted is None:
            assert t["state"] == "complete" and t["value"] == 1, (name, t)
        else:
            assert t["state"] == "fail", (name, t)
            assert wanted in t["attributes"]["reason"], (name, t["attributes"]["reason"])
    bad = sum(wanted is not None for _, wanted in PROGRAMS.values())
    print(f"{bad} bad programs and {len(PROGRAMS) - bad} good ones are told apart")


if sys.argv[1] == "--list":
    print("(" + ", ".join(json.dumps(name) for name in PROGRAMS) + ")")
elif sys.argv[1] == "--check":
    check(json.load(sys.stdin)["trials"])
else:
    PROGRAMS[sys.argv[1]][0]()
