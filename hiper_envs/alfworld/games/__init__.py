"""ALFWorld games as values, read from and written to game files."""
