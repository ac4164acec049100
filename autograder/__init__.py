"""The grading engine: nbgrader's autograding behind a wall, a whole class at a time."""
