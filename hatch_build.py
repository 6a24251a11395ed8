"""`grader` is a script wherever the repository itself is installed; the students' wheel has nothing of it."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class GraderScript(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            build_data["shared_scripts"]["grader/bin/grader"] = "grader"
