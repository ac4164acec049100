"""A course folder: its class, its exchange, its errors, and who in it needs a person."""
