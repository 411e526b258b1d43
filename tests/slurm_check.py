#!/usr/bin/env python3
"""slurm_check.py JOURNAL MOST: how many steps each opening of a study had to train again, from its journal.

Reports say how far a trial had come, the next stint says from where it goes on. Fails when one trial lost more than
MOST steps at once, or when a trial that was over came back.
"""
import json
import sys

path, most = sys.argv[1], int(sys.argv[2])
reported, over, lost, openings = {}, set(), [], 1
for number, line in enumerate(open(path), 1):
    op = json.loads(line)
    trial, attributes = op.get("trial_id"), op.get("system_attr", {})
    if "coxswain:writer" in attributes:
        openings += 1
    if op["op_code"] == 7:
        reported[trial] = max(reported.get(trial, 0), op["step"])
    if op["op_code"] == 6 and op["state"] in (1, 2, 3):
        over.add(trial)
    if "coxswain:stint" in attributes:
        if trial in over:
            sys.exit(f"{path}:{number}: trial {trial} was over and is trained again")
        again = reported.get(trial, 0) - attributes["coxswain:stint"]["from"]
        if again > 0:
            lost.append(again)
            reported[trial] = attributes["coxswain:stint"]["from"]
        if again > most:
            sys.exit(f"{path}:{number}: trial {trial} lost {again} steps, more than the {most} of a checkpoint interval")
print(f"{path}: opened {openings} times; trained again: {len(lost)} trials, {max(lost, default=0)} steps at most")
