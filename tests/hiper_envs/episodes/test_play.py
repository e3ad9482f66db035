"""Whatever an agent does is a record."""

import itertools
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

from hiper_envs import Agent, Episode, SubgoalWrapper, play_episode, write_reply
from hiper_envs.episodes.play import read_usage
from hiper_envs.episodes.record import Usage


class Walker:
    """Walks on, with a new subgoal every second turn; may fail on a turn."""

    def __init__(self, fails_at: int | None = None, failure: Any = None) -> None:
        self.fails_at, self.failure = fails_at, failure

    def reset(self, seed: int) -> None:
        self.turn = -1
        if self.fails_at == -1:
            raise RuntimeError("cannot start")

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        self.turn += 1
        if self.turn == self.fails_at:
            if isinstance(self.failure, BaseException):
                raise self.failure
            return self.failure  # type: ignore[no-any-return]
        return write_reply("forward", f"part {self.turn // 2}", self.turn % 2 == 0)


def play(corridor: Any, agent: Agent, limit: int = 9, task: int = 2) -> Episode:
    return play_episode(SubgoalWrapper(TimeLimit(corridor(), limit)), agent, task=task, seed=4)


def test_success(corridor: Any) -> None:
    episode = play(corridor, Walker())
    assert (episode.success, episode.score, episode.terminated, episode.truncated) == (True, 1.0, True, False)
    assert [segment.num_turns for segment in episode.segments] == [2, 2, 1]
    assert episode.total_reward == 1.0 - 4 * 0.125
    assert [turn.action for turn in episode.turns] == ["forward"] * 5
    assert (episode.seed, episode.agent, episode.task_id) == (4, "Walker", "corridor-5")


def test_truncation_is_no_success(corridor: Any) -> None:
    episode = play(corridor, Walker(), limit=3)
    assert (episode.success, episode.truncated, episode.num_turns) == (False, True, 3)
    assert episode.segments[-1].end_reason == "truncation"


@pytest.mark.parametrize(
    ("agent", "error", "num_turns"),
    [
        (Walker(-1), "RuntimeError: cannot start", 0),
        (Walker(2, ValueError("lost")), "ValueError: lost", 2),
        (Walker(0, None), "TypeError: a reply must be a string, got NoneType (None)", 0),
    ],
)
def test_failure_of_the_agent_is_a_record(corridor: Any, agent: Agent, error: str, num_turns: int) -> None:
    episode = play(corridor, agent)
    assert (episode.error, episode.num_turns, episode.success, episode.score) == (error, num_turns, False, 0.0)
    assert sum(segment.num_turns for segment in episode.segments) == num_turns


@pytest.mark.parametrize("failure", [np.str_("forward"), "forward\ud83d"])
def test_any_string_is_recorded(corridor: Any, failure: Any) -> None:
    episode = play(corridor, Walker(1, failure))
    turn = episode.turns[1]
    assert turn.reply == turn.action == failure.replace("\ud83d", "\ufffd") and type(turn.reply) is str
    assert msgspec.json.decode(msgspec.json.encode(episode), type=Episode) == episode


class MuteError(Exception):
    """Fails to say what was wrong."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("failure", [ValueError("half \ud83d"), KeyError("\udc00"), MuteError()])
def test_failure_that_cannot_be_written_is_recorded(corridor: Any, failure: Exception) -> None:
    episode = play(corridor, Walker(1, failure))
    assert episode.error and msgspec.json.decode(msgspec.json.encode(episode), type=Episode) == episode


class Usages(list[Any]):
    """Something that has no length."""

    def __len__(self) -> int:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (None, None),
        ((5, 2), Usage(5, 2)),
        ([5, 2], Usage(5, 2)),
        (Usage(5, 2, 0.25, "length"), Usage(5, 2, 0.25, "length")),
        ((np.int64(5), np.int32(2), np.float32(0.25), np.str_("stop")), Usage(5, 2, 0.25, "stop")),
        ((5, None, None, "stop\ud83d"), Usage(5, None, None, "stop\ufffd")),
        ((True, -1, float("nan"), 3), Usage(None, None)),
        ((2**70, 2.5, "free", b"stop"), Usage(None, None)),
        ((5,), None),
        ((5, 2, 0.1, "stop", 1), None),
        (7, None),
        (itertools.count(), None),
        ({"prompt_tokens": 5, "reply_tokens": 2}, None),
        (Usages([5, 2]), None),
    ],
)
def test_usage_is_read_as_plain_values(corridor: Any, said: Any, usage: Usage | None) -> None:
    agent = Walker()
    agent.usage = said  # type: ignore[attr-defined]
    assert read_usage(agent) == usage
    episode = play(corridor, agent)
    turn = msgspec.json.decode(msgspec.json.encode(episode), type=Episode).turns[0]
    assert (turn.prompt_tokens, turn.reply_tokens, turn.finish_reason) == (
        (usage.prompt_tokens, usage.reply_tokens, usage.finish_reason) if usage else (None, None, None)
    )


def test_interrupt_is_not_swallowed(corridor: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        play(corridor, Walker(1, KeyboardInterrupt()))


def test_record_survives_json(corridor: Any) -> None:
    episode = play(corridor, Walker())
    assert msgspec.json.decode(msgspec.json.encode(episode), type=Episode) == episode
