"""The loop of a process that computes cases: `serve`. Python 3.7 must be able to read this file."""

import json
import time
import traceback

import numpy as np


def serve(lines, answers, run):
    """Computes case after case.

    Args:
        lines: each the path of a case; beside it the results are written as `.npz`.
        answers: where a line for each says how it went.
        run: gives arrays by name for a case.
    """
    for line in lines:
        path, began = line.strip(), time.time()
        with open(path) as file:
            case = json.load(file)
        try:
            np.savez(path + ".npz", **run(case))
            answer = {"ok": True}
        except Exception as error:
            answer = {"ok": False, "error": repr(error)[:500], "trace": traceback.format_exc()[-2500:]}
        answer["seconds"] = time.time() - began
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
