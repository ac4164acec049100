"""`python -m autograder` is the command `course`."""

from autograder.cli.app import main

main()
