"""The compact policy: a memory of the texts and a small network over its features."""
