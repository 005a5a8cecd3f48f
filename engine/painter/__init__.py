"""The torch room: a process of its own that paints frames."""
