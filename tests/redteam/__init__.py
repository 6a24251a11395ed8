"""Submissions that try to fool, break or leave the grader."""
