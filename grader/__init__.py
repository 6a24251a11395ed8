"""What instructors run. Students never get it."""

import autodiff_lib.notebook_files  # noqa: F401 - before another imports nbformat, and a second goes by
