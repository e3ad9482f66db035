"""The rules of ALFWorld: what a game's world is, what commands do and say, and the way to win."""
