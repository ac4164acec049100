"""What each command does. Nothing in here prints."""
