"""Honest submissions that got mangled on the way to the grader, with the points that each has still earned."""
