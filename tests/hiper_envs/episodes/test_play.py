"""Whatever an agent does is a record."""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym
import msgspec
import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit

from hiper_envs import Agent, Episode, SubgoalWrapper, play_episode, write_reply
from hiper_envs.episodes.files import read_episodes, write_episodes
from hiper_envs.episodes.record import Usage
from hiper_envs.episodes.replay import replay


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


@pytest.mark.parametrize("turn", [-1, 0, 2])
def test_failure_around_the_agent_is_told_apart(corridor: Any, turn: int) -> None:
    class Cut(Walker):
        def reset(self, seed: int) -> None:
            self.turn = -1
            if turn == -1:
                raise ConnectionRefusedError("the endpoint is down")

    episode = play(corridor, Cut(turn, ConnectionResetError("the endpoint is down")))
    assert episode.error is not None and episode.error.endswith("the endpoint is down")
    assert (episode.error_kind, episode.failed_around, episode.score) == ("around", True, 0.0)
    assert play(corridor, Walker(2, ValueError("lost"))).error_kind == "agent"
    assert not play(corridor, Walker()).failed_around


class Counting(Walker):
    def __init__(self, usage: Any) -> None:
        super().__init__()
        self.usage = usage


def test_what_a_reply_used_is_recorded(corridor: Any) -> None:
    episode = play(corridor, Counting(Usage(30, 4, 0.25)), task=0)
    assert [(turn.prompt_tokens, turn.reply_tokens, turn.cost) for turn in episode.turns] == [(30, 4, 0.25)] * 2
    assert '"cost":0.25' in msgspec.json.encode(episode).decode()
    assert "cost" not in msgspec.json.encode(play(corridor, Counting((30, 4)))).decode()


@pytest.mark.parametrize(
    ("said", "recorded"),
    [
        ((5, 2), (5, 2, None, None)),
        (Usage(5, 2, 0.25, "length"), (5, 2, 0.25, "length")),
        ((np.int64(5), np.int32(2), np.float32(0.25), np.str_("stop")), (5, 2, 0.25, "stop")),
        ((5, None, None, "stop\ud83d"), (None, None, None, "stop\ufffd")),
        ((None, 2, 0.5), (None, None, 0.5, None)),
        ((math.nan, 4), (None, None, None, None)),
        ((True, -1, math.nan, 3), (None, None, None, None)),
        (itertools.count(), (None, None, None, None)),
    ],
)
def test_what_is_known_of_a_usage_is_recorded(corridor: Any, tmp_path: Path, said: Any, recorded: Any) -> None:
    episode = play(corridor, Counting(said))
    write_episodes(tmp_path / "some.jsonl", [episode])
    (read,) = read_episodes(tmp_path / "some.jsonl")
    assert read == episode and read.success
    assert {(turn.prompt_tokens, turn.reply_tokens, turn.cost, turn.finish_reason) for turn in read.turns} == {recorded}


class Odd(gym.Wrapper[str, str, str, str]):
    """Changes what the corridor says on its last turn."""

    def __init__(self, env: gym.Env[str, str], reward: Any = 1.0, text: str = "", **info: Any) -> None:
        super().__init__(env)
        self.reward, self.text, self.info = reward, text, info

    def step(self, action: str) -> tuple[str, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(action)
        if terminated:
            return observation + self.text, self.reward, terminated, truncated, {**info, **self.info}
        return observation, reward, terminated, truncated, info


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("name", "what"),
    [("reward", "the reward of turn 1"), ("score", "the score"), ("reward_parts", "the part 'r_att' of the reward")],
)
def test_number_of_the_world_that_cannot_be_recorded_names_the_world(
    corridor: Any, number: float, name: str, what: str
) -> None:
    given = {"r_att": number} if name == "reward_parts" else number
    env = SubgoalWrapper(Odd(corridor(), **{name: given}))
    with pytest.raises(ValueError, match=f"the environment CorridorEnv gave {number} as {what}: only finite"):
        play_episode(env, Walker(), task=0)


def test_any_text_of_the_world_is_recorded_and_replayed(corridor: Any, tmp_path: Path) -> None:
    odd = {"instruction": np.str_("walk \udfff"), "reward_parts": {np.str_("r\ud83d"): 0.5}}
    env = SubgoalWrapper(Odd(corridor(), text="\ud800", **odd))
    episode = play_episode(env, Walker(), task=0)
    assert episode.turns[-1].observation.endswith("\ufffd") and episode.instruction == "walk \ufffd"
    assert episode.reward_parts == {"r\ufffd": 0.5}
    write_episodes(tmp_path / "some.jsonl", [episode])
    assert list(read_episodes(tmp_path / "some.jsonl")) == [episode]
    assert replay(episode, env) == []


def test_paths_among_the_options_are_recorded_as_texts(corridor: Any, tmp_path: Path) -> None:
    gym.register("OptionsCorridor-v0", entry_point=lambda games: corridor(), max_episode_steps=9)
    try:
        env = SubgoalWrapper(gym.make("OptionsCorridor-v0", games=[Path("a"), Path("b")]))
        episode = play_episode(env, Walker(), task=0)
    finally:
        del gym.registry["OptionsCorridor-v0"]
    assert episode.env_options == {"games": ["a", "b"]}


def test_interrupt_is_not_swallowed(corridor: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        play(corridor, Walker(1, KeyboardInterrupt()))


def test_record_survives_json(corridor: Any) -> None:
    episode = play(corridor, Walker())
    assert msgspec.json.decode(msgspec.json.encode(episode), type=Episode) == episode
