"""What IPython's shell does, as a jail's program and the library rely on it: JSON on standard output. It runs in a process of its own.

Started as `python shell_facts.py INMATE`.
"""

import importlib.util
import json
import os
import sys

import matplotlib

matplotlib.use("module://matplotlib_inline.backend_inline")
import matplotlib.pyplot

from autodiff_lib import ipython
from autodiff_lib.checks.probe import attempt

TEXT = "def own():\n    return 1 / 0"
CELLS = {
    "history": "pass",
    "result": "'a result'",
    "nothing": "None",
    "printed": "import sys\nprint('out')\nprint('err', file=sys.stderr)",
    "displayed": "from IPython.display import HTML, display\ndisplay(HTML('<b>shown</b>'))",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nNone",
    "inline": "%matplotlib inline",
    "raised": "raise ValueError('why')",
    "syntax": "def (",
    "stopped": "class Late(BaseException):\n    pass\nraise Late('now')",
    "defined": TEXT,
}


def facts(inmate):
    shell = inmate.new_shell()
    found = {"cells": CELLS}
    for name, text in CELLS.items():
        results, errors = inmate.results_and_errors(shell)
        captured, success = inmate.run_in(shell, text)
        found[name] = {"success": success, "outputs": inmate.outputs_of(captured, results) + errors}
    problem = attempt(shell.user_ns["own"])
    found["history"] |= {
        "enabled": shell.history_manager.enabled,
        "file": os.path.exists(os.path.join(shell.profile_dir.location, "history.sqlite")),
    }
    found["run"] = ipython.cells_run()
    found["terminal"] = ipython.shows_html()
    found["text"] = ipython.text_behind(shell.user_ns["own"].__code__).rstrip("\n")
    found["line"] = problem.where
    return found


if __name__ == "__main__":
    specification = importlib.util.spec_from_file_location("inmate", sys.argv.pop(1))
    program = importlib.util.module_from_spec(specification)
    sys.modules["inmate"] = program
    specification.loader.exec_module(program)
    said = facts(program)
    print(json.dumps(said), file=sys.__stdout__)
