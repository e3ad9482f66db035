"""A small text world to learn in seconds: visit the rooms that the instruction names, in order."""

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from hiper_envs import UnicodeText, write_reply

ROOMS = ("red room", "blue room", "green room", "white room", "black room")
ENV_ID = "toy/Rooms-v0"


class RoomsEnv(gym.Env[str, str]):
    """Go to one room and then another; a room is left through the hall, the next room is entered from there.

    The split "eval" has every fourth of the tasks, any other split all of them.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  Gymnasium declares it so
    tasks = tuple(f"{first}|{second}" for first in ROOMS for second in ROOMS if first != second)

    def __init__(self, split: str = "train") -> None:
        self.split = split
        if split == "eval":
            self.tasks = self.tasks[::4]
        self.observation_space = self.action_space = UnicodeText()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        task = (options or {})["task"]
        self.task_id = self.tasks[task] if isinstance(task, int) else task
        self.wanted = self.task_id.split("|")
        self.room = "hall"
        self.visited: list[str] = []
        return self._text(), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if action in self._admissible():
            self.room = "hall" if action == "go back" else action.removeprefix("enter the ")
            self.visited += [self.room] if self.room != "hall" else []
        is_over = len(self.visited) == 2
        return self._text(), float(self._is_won()), is_over, False, self._info()

    def _is_won(self) -> bool:
        return self.visited == self.wanted

    def _admissible(self) -> list[str]:
        return [f"enter the {room}" for room in ROOMS] if self.room == "hall" else ["go back", "wait"]

    def _text(self) -> str:
        return f"You are in the {self.room}."

    def _info(self) -> dict[str, Any]:
        first, second = self.wanted
        return {
            "task_id": self.task_id,
            "instruction": f"visit the {first} and then visit the {second}",
            "admissible_actions": self._admissible(),
            "success": self._is_won(),
            "score": float(self._is_won()),
        }


class RoomsExpert:
    """Visits the two rooms, one segment each."""

    def reset(self, seed: int) -> None:
        self.turn = 0

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        clauses = info["instruction"].split(" and then ")
        action = "go back" if self.turn == 1 else clauses[min(self.turn, 1)].replace("visit", "enter")
        reply = write_reply(action, clauses[min(self.turn, 1)], self.turn < 2)
        self.turn += 1
        return reply


def register_toy() -> str:
    """Register the world, once, and return its id."""
    if ENV_ID not in gym.registry:
        gym.register(ENV_ID, entry_point=RoomsEnv, max_episode_steps=8)
    return ENV_ID
