"""What styles and models exist, where they are, how they get here."""
