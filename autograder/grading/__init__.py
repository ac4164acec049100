"""A class is graded: the pool, a job per submission, and the examiner that walks a notebook's cells."""
