"""Assignment 4: regularization and generalization."""
