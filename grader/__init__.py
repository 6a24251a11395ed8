"""What instructors run. Students never get it."""
