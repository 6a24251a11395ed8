"""Makes every plain `nbgrader` command work from this folder. Settings given on the command line win."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))  # nbgrader runs as its own executable, and must find `grader`

# follow-through: a unit is graded on the reference of the units before it, so that an early mistake costs no
# later points. Set the variable to nothing to grade each student on their own earlier work.
os.environ.setdefault("AUTODIFF_UNITS", str(ROOT / "source"))

c = get_config()  # noqa: F821 - nbgrader provides it
c.CourseDirectory.course_id = "autodiff"

# the release: stubs that name their exercise
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "grader.stubs.NamedStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# grading: a cell has this long, in seconds, and the rest of the notebook runs all the same
c.Execute.timeout = 60
c.Execute.kernel_name = "python3"
