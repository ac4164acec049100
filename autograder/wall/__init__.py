"""The grader's side of the wall: the handle on a student's process, and the ladder of sandboxes behind it."""
