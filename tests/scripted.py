"""An agent that says what it was told to, and then breaks off with StopIteration."""

from typing import Any


class Scripted:
    """Replies with the given texts, one a turn."""

    def __init__(self, *replies: str) -> None:
        self.replies = replies

    def reset(self, seed: int) -> None:
        self.left = iter(self.replies)

    def act(self, observation: str, info: Any) -> str:
        return next(self.left)
