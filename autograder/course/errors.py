"""What the commands tell in one line."""


class CourseError(Exception):
    """A mistake of the person at the keyboard: one line that says what is wrong and what to do."""
