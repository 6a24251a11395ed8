"""Makes every plain `nbgrader` command work from this folder. Settings given on the command line win."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))  # nbgrader runs as its own executable, and must find `grader`

c = get_config()  # noqa: F821 - nbgrader provides it
c.CourseDirectory.course_id = "autodiff"

# the release: stubs that name their exercise
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "grader.authors.stubs.NamedStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# `nbgrader export` writes a row for each student and unit, with every question (grader/exports/table.py)
c.ExportApp.plugin_class = "grader.exports.CsvExport"

# `nbgrader generate_feedback` makes pages that need no network and run no script (grader/book/feedback.py)
c.GenerateFeedback.exporter_class = "grader.book.feedback.FeedbackExporter"

# `nbgrader autograde` runs this grader's engine: intake, jail, judge (grader/book/nbgrader_stages.py)
from grader.book.nbgrader_stages import install  # noqa: E402 - needs the path above

install()
