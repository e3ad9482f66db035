"""Products, goals and prices: read from source files, built into an archive, opened from it."""
