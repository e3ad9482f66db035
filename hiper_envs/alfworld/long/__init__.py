"""The household with several goals in one house."""
