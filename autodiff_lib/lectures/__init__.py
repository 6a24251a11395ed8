"""What lectures ask at their end, to be tried and not graded: a module for each lecture that asks, by its name without the number."""
