"""Grades for other systems: CSV and Canvas from the gradebook, Gradescope and Autolab from what the judge said.

From the repository's root, `nbgrader export --exporter=grader.exports.CanvasExport --to canvas.csv`.
"""

from .canvas import CanvasExport
from .table import CsvExport

__all__ = ["CanvasExport", "CsvExport"]
