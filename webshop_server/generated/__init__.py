"""The embedded catalogue: products made from a seed and word lists written for this project."""
