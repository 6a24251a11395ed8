"""The release's stubs: what stands where a solution stood."""

from __future__ import annotations

from nbconvert.exporters import ResourcesDict
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions


class NamedStubs(ClearSolutions):
    """nbgrader's ClearSolutions, with stubs that say which exercise is still to be done."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> tuple[NotebookNode, ResourcesDict]:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        self.code_stub = {"python": f'# YOUR CODE HERE\nraise NotImplementedError("exercise {name} is not done yet")'}
        return super().preprocess_cell(cell, resources, cell_index)
