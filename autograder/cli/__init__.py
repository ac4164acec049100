"""The command `course`: its options, and what it prints."""
