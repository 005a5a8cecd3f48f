"""Shows and scenes: a look that can be written down and recalled."""
