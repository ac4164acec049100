"""Assignment 1: log-probabilities and stable losses."""
