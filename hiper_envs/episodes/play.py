"""The loop that plays an episode and records it."""

import math
import time
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import gymnasium as gym

from hiper_envs.episodes.agents import Agent
from hiper_envs.episodes.record import MILESTONE_VERSION, Episode, Turn, Usage
from hiper_envs.plain_text import describe_error, make_plain, plain_reply
from hiper_envs.segments import Reading

MAX_COUNT = 2**63 - 1
"""The largest number that a record can hold."""


def play_episode(
    env: gym.Env[str, str], agent: Agent, *, task: int | str, seed: int = 0, agent_name: str | None = None
) -> Episode:
    """Play one episode and record it.

    Args:
        env: An environment wrapped in `SubgoalWrapper`, made by `gym.make`.
        agent: The agent; it is reset with `seed` first.
        task: Position in `env.unwrapped.tasks`, or a task's id.
        seed: Seed of both environment and agent.
        agent_name: Name for the record; the agent's class name by default.

    Returns:
        The record. An exception of the agent (sys.exit() too, but not KeyboardInterrupt), or a reply that is no string,
        ends the episode as a failure with the exception in `error`; exceptions of the environment are raised. An
        agent's attribute `ignores_case`, True or False, decides over its episode as `SubgoalWrapper`'s option does; its
        `usage` goes into the record.
    """
    recorder = EpisodeRecorder(env, agent_name or type(agent).__name__, read_ignores_case(agent))
    observation, info = recorder.reset(task, seed)
    try:
        agent.reset(seed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too: an agent ends its episode, not the program
        return recorder.finish(error)
    while not recorder.is_done:
        started = time.perf_counter()
        try:
            reply = plain_reply(agent.act(observation, hide_milestones(info)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return recorder.finish(error)
        seconds = time.perf_counter() - started
        observation, info = recorder.step(reply, seconds, read_usage(agent))
    return recorder.finish()


def hide_milestones(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an agent may know of `info`: milestones tell what is right before it has been earned."""
    return {key: value for key, value in info.items() if "milestone" not in key}


def read_ignores_case(agent: object) -> bool | None:
    """Return what an agent says in its attribute `ignores_case`; None for nothing that says anything."""
    try:
        wish = getattr(agent, "ignores_case", None)
    except Exception:
        return None  # what an agent says of itself is no part of its play
    return wish if isinstance(wish, bool) else None


def read_usage(agent: object) -> Usage | None:
    """Return what an agent says in its attribute `usage`, as plain values; None for nothing that says anything.

    It may be a `Usage`, or a tuple or list of two to four values in its order; a value of another kind is unknown.
    """
    try:
        said = getattr(agent, "usage", None)
        return _plain_usage(*said) if isinstance(said, tuple | list) else None
    except Exception:
        return None


def _plain_usage(prompt_tokens: Any, reply_tokens: Any, cost: Any = None, finish_reason: Any = None) -> Usage:
    return Usage(
        _plain_count(prompt_tokens),
        _plain_count(reply_tokens),
        float(cost) if isinstance(cost, Real) and math.isfinite(cost) else None,
        make_plain(finish_reason) if isinstance(finish_reason, str) else None,
    )


def _plain_count(count: Any) -> int | None:
    is_count = isinstance(count, Integral) and not isinstance(count, bool) and 0 <= int(count) <= MAX_COUNT
    return int(count) if is_count else None


class EpisodeRecorder:
    """Steps a `SubgoalWrapper`-wrapped environment and keeps the record.

    Args:
        env: The environment.
        agent_name: Name of the agent for the record.
        ignores_case: Whether actions are played without regard to case; None for what the wrapper was made with.
    """

    def __init__(self, env: gym.Env[str, str], agent_name: str, ignores_case: bool | None = None) -> None:
        self.env = env
        self.agent_name = make_plain(agent_name)
        self.ignores_case = ignores_case

    def reset(self, task: int | str, seed: int) -> tuple[str, dict[str, Any]]:
        """Start an episode; return the first observation and info."""
        self._started = time.perf_counter()
        self.turns: list[Turn] = []
        self.terminated = self.truncated = False
        self.seed = seed
        options = {"task": task} | ({} if self.ignores_case is None else {"ignores_case": self.ignores_case})
        self.reset_observation, self.info = self.env.reset(seed=seed, options=options)
        return self.reset_observation, self.info

    @property
    def is_done(self) -> bool:
        """Whether the episode has ended."""
        return self.terminated or self.truncated

    def step(self, reply: str, seconds: float | None = None, usage: Usage | None = None) -> tuple[str, dict[str, Any]]:
        """Take one turn; return the observation and info.

        Raises:
            TypeError: The reply is no string.
        """
        reply = plain_reply(reply)
        observation, reward, self.terminated, self.truncated, self.info = self.env.step(reply)
        segment = self.info["segment"]
        self.turns.append(
            Turn(
                number=len(self.turns),
                reply=reply,
                action=self.info["action"],
                observation=observation,
                reward=float(reward),
                segment=segment["index"],
                is_boundary=segment["is_boundary"],
                problems=tuple(self.info["reply_problems"]),
                milestones=tuple(self.info.get("new_milestones", ())),
                seconds=seconds,
                prompt_tokens=usage.prompt_tokens if usage else None,
                reply_tokens=usage.reply_tokens if usage else None,
                form=self.info["reply_form"],
                finish_reason=usage.finish_reason if usage else None,
            )
        )
        return observation, self.info

    def finish(self, error: BaseException | None = None) -> Episode:
        """Return the record; with `error`, of an episode that the agent broke off, which is a failure."""
        spec = self.env.spec
        milestones = tuple(self.info.get("all_milestones", ()))
        reading: Reading = self.env.get_wrapper_attr("reading")
        segments = self.info["segments"] if self.is_done else self.env.get_wrapper_attr("break_off")()
        return Episode(
            env_id=spec.id if spec else type(self.env.unwrapped).__name__,
            env_options=dict(spec.kwargs) if spec else {},
            task_id=self.info["task_id"],
            seed=self.seed,
            agent=self.agent_name,
            instruction=self.info["instruction"],
            reset_observation=self.reset_observation,
            turns=self.turns,
            segments=list(segments),
            score=float(self.info["score"]) if error is None else 0.0,
            success=bool(self.info["success"]) and error is None,
            terminated=self.terminated,
            truncated=self.truncated,
            error=describe_error(error) if error is not None else None,
            seconds=time.perf_counter() - self._started,
            milestones=milestones,
            reward_parts=self.info.get("reward_parts"),
            milestone_version=MILESTONE_VERSION if milestones else 1,
            reply_version=reading.version,
            ignores_case=reading.ignores_case,
        )
