"""Notebooks: read as they were handed in, rebuilt from the instructor's, and marked with what became of each cell."""
