"""A world of a few lines, and agents of every kind, for the tests of the leaderboard.

A task is a word and a number: "pick_and_place_simple-3" is done after three times "work". Every other action
costs a turn.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_envs import UnicodeText, write_reply
from hiper_envs.episodes.record import Usage

TYPES = ("pick_and_place_simple", "pick_two_obj_and_place")


class ToyEnv(gym.Env[str, str]):
    """Work as often as the task says."""

    def __init__(self, manners: str = "There is", tasks: Sequence[str] | None = None) -> None:
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText()
        self.manners = manners
        self.tasks = list(tasks or [f"{TYPES[number % 2]}-{number}" for number in range(1, 13)])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        task = (options or {})["task"]
        self.task = self.tasks[task] if isinstance(task, int) else task
        self.left = self.needed = int(self.task.rpartition("-")[2])
        return f"{self.manners} work to do ({seed}).", self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        if action == "break":
            raise ZeroDivisionError("the toy is broken")
        if action == "work":
            self.left -= 1
        is_done = self.left == 0
        return f"You {action}. {self.left} left.", float(is_done), is_done, False, self._info()

    def _info(self) -> dict[str, Any]:
        return {
            "task_id": self.task,
            "instruction": f"work {self.needed} times",
            "admissible_actions": ["rest", "work"],
            "success": self.left == 0,
            "score": 1 - self.left / self.needed,
        }


gym.register("Toy-v0", entry_point=ToyEnv, max_episode_steps=8)


class Worker:
    """Always works; a new segment every third turn."""

    def reset(self, seed: int) -> None:
        self.turn = 0

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        self.turn += 1
        return write_reply("work", f"part {self.turn // 3}", self.turn % 3 == 0)


class Dawdler(Worker):
    """Works every other turn, and writes no tags."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        super().act(observation, info)
        return "work" if self.turn % 2 else "rest"


class Chooser(Worker):
    """Draws its actions with numpy, which gives no plain strings, nor plain counts."""

    def reset(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        self.usage = (np.int64(7), np.int64(2), np.float64(0.5), np.str_("stop"))
        actions = info["admissible_actions"]
        assert isinstance(actions, list)
        return self.rng.choice(actions)  # type: ignore[no-any-return]


class Halver(Worker):
    """Ends each subgoal in the middle of a surrogate pair."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        return super().act(observation, info).replace("</subgoal>", "\ud83d</subgoal>")


class HalfCrasher(Worker):
    """Says half a surrogate pair when it fails, and knows no sensible costs."""

    @property
    def usage(self) -> object:
        raise ValueError("\ud83d")

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        super().act(observation, info)
        raise ValueError("\ud83d \udc00")


class Reasoner(Worker):
    """Writes ReAct's replies, which run into the limit of tokens on every fourth turn."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        super().act(observation, info)
        is_cut_off = self.turn % 4 == 0
        self.usage = Usage(50, 9, finish_reason="length" if is_cut_off else "stop")
        return "I think that" if is_cut_off else "<think>I could <action>rest</action></think><action>work</action>"


class Shouter(Worker):
    """Works in capitals, and takes its process down on its sixth turn."""

    ignores_case = True

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        reply = super().act(observation, info)
        if self.turn == 6:
            os._exit(3)
        return reply.replace(">work<", ">WORK<")


class Crasher(Worker):
    """Raises on its third turn."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        reply = super().act(observation, info)
        if self.turn == 3:
            raise ValueError("no idea")
        return reply


class Quitter(Worker):
    """Takes its process down on its third turn of some tasks."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        reply = super().act(observation, info)
        if self.turn == 3 and "pick_two" in str(info["task_id"]):
            os._exit(3)
        return reply


class Sleeper(Worker):
    """Sleeps through its third turn."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        reply = super().act(observation, info)
        if self.turn == 3:
            time.sleep(60)
        return reply


class Slow(Worker):
    """Takes half a second over each episode's start."""

    def reset(self, seed: int) -> None:
        time.sleep(0.6)
        super().reset(seed)


class StubbornSleeper(Worker):
    """Sleeps on whatever happens."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        while True:
            try:
                time.sleep(60)
            except BaseException:
                continue


class Mute(Worker):
    """Replies with something that is no string."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        return None  # type: ignore[return-value]


class Chatty(Worker):
    """Prints, asks, and spoils what it is given."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        os.write(1, b"I am thinking\n")
        actions = info["admissible_actions"]
        assert isinstance(actions, list)
        actions.clear()
        try:
            input("well? ")
        except EOFError:
            return super().act(observation, info)
        return "someone answered"


class Vandal(Worker):
    """Breaks the toy."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        return "break"


class Meddler(Worker):
    """Changes what it is given."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        actions = info["admissible_actions"]
        assert isinstance(actions, list)
        actions.clear()
        return super().act(observation, info)


class Forgetful(Worker):
    """Forgets to start anew: every second episode goes another way."""

    episodes = 0

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.episodes += 1

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        super().act(observation, info)
        return write_reply("work" if self.episodes % 2 else "rest")


class Hive(Worker):
    """Shares its mind with every other one."""

    made = 0

    def __init__(self) -> None:
        Hive.made += 1
        self.number = Hive.made

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        return write_reply("work", f"as number {self.number}")


class Inventive(Worker):
    """Does what nobody offered."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        return write_reply("dance")


class Unready:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no weights")


class Actless:
    """Has no act."""

    def reset(self, seed: int) -> None: ...


NUMBER = 7
