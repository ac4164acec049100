"""Assignment 3: optimizers, from SGD to Adam, and the tools around them."""
