"""Assignment 2: random matrices, initialization, Gaussian norms."""
