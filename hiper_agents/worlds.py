"""The worlds that agents know by their texts."""

from collections.abc import Mapping
from typing import Any

WORLDS = ("alfworld", "webshop")


def recognise_world(observation: str, info: Mapping[str, Any]) -> str:
    """Return the world whose texts these are: alfworld, webshop, or plain for any other.

    Args:
        observation: An episode's first observation.
        info: What came with it.
    """
    if "Your task is to:" in observation:
        return "alfworld"
    if any(action.startswith(("search[", "click[")) for action in info["admissible_actions"]):
        return "webshop"
    return "plain"
