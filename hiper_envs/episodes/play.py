"""The loop that plays an episode and records it."""

import math
import os
import time
from collections.abc import Mapping
from typing import Any, SupportsFloat

import gymnasium as gym

from hiper_envs.episodes.agent_facts import read_ignores_case, read_usage
from hiper_envs.episodes.agents import Agent
from hiper_envs.episodes.failures import kind_of_failure
from hiper_envs.episodes.record import MILESTONE_VERSION, Episode, Turn, Usage
from hiper_envs.plain_text import describe_error, make_plain, plain_reply
from hiper_envs.reply_version import REPLY_VERSION
from hiper_envs.segments import Reading


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
        ends the episode as a failure with the exception in `error`, and `error_kind` says whether it tells of the agent
        or of what is around it; exceptions of the environment are raised. An agent's attribute `ignores_case`, True or
        False, decides over its episode as `SubgoalWrapper`'s option does; its `usage` goes into the record.

    Raises:
        ValueError: The environment gave a reward or a score that is no finite number.
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


class EpisodeRecorder:
    """Steps a `SubgoalWrapper`-wrapped environment and keeps the record.

    Args:
        env: The environment.
        agent_name: Name of the agent for the record.
        ignores_case: Whether actions are played without regard to case; None for what the wrapper was made with.
        reply_version: Version by which replies are read, see `hiper_envs.reply`; an earlier one for replays.
    """

    def __init__(
        self,
        env: gym.Env[str, str],
        agent_name: str,
        ignores_case: bool | None = None,
        reply_version: int = REPLY_VERSION,
    ) -> None:
        self.env = env
        self.agent_name = make_plain(agent_name)
        self.ignores_case = ignores_case
        self.reply_version = reply_version

    def reset(self, task: int | str, seed: int) -> tuple[str, dict[str, Any]]:
        """Start an episode; return the first observation and info."""
        self._started = time.perf_counter()
        self.turns: list[Turn] = []
        self.terminated = self.truncated = False
        self.seed = seed
        options: dict[str, Any] = {"task": task, "reply_version": self.reply_version}
        if self.ignores_case is not None:
            options["ignores_case"] = self.ignores_case
        observation, self.info = self.env.reset(seed=seed, options=options)
        self.reset_observation = make_plain(observation)
        return observation, self.info

    @property
    def is_done(self) -> bool:
        """Whether the episode has ended."""
        return self.terminated or self.truncated

    def step(self, reply: str, seconds: float | None = None, usage: Usage | None = None) -> tuple[str, dict[str, Any]]:
        """Take one turn; return the observation and info. Of the counts of tokens both are kept or neither.

        Args:
            reply: The agent's whole reply.
            seconds: How long the agent took over it, if that is known.
            usage: What the reply used, if the agent says so.

        Raises:
            TypeError: The reply is no string.
            ValueError: The environment gave a reward that is no finite number.
        """
        reply = plain_reply(reply)
        usage = usage or Usage(None, None)
        is_counted = None not in usage[:2]
        observation, reward, self.terminated, self.truncated, self.info = self.env.step(reply)
        segment = self.info["segment"]
        self.turns.append(
            Turn(
                number=len(self.turns),
                reply=reply,
                action=make_plain(self.info["action"]),
                observation=make_plain(observation),
                reward=self._check_finite(reward, f"the reward of turn {len(self.turns)}"),
                segment=segment["index"],
                is_boundary=segment["is_boundary"],
                problems=tuple(self.info["reply_problems"]),
                milestones=tuple(map(make_plain, self.info.get("new_milestones", ()))),
                seconds=seconds,
                prompt_tokens=usage.prompt_tokens if is_counted else None,
                reply_tokens=usage.reply_tokens if is_counted else None,
                cost=usage.cost,
                finish_reason=usage.finish_reason,
                form=self.info["reply_form"],
            )
        )
        return observation, self.info

    def finish(self, error: BaseException | None = None) -> Episode:
        """Return the record; with `error`, of an episode that the agent broke off, which is a failure.

        Raises:
            ValueError: The environment gave a score that is no finite number.
        """
        reading: Reading = self.env.get_wrapper_attr("reading")
        segments = self.info["segments"] if self.is_done else self.env.get_wrapper_attr("break_off")()
        parts = self.info.get("reward_parts")
        milestones = tuple(map(make_plain, self.info.get("all_milestones", ())))
        return Episode(
            env_id=self.env.spec.id if self.env.spec else type(self.env.unwrapped).__name__,
            env_options=_write_paths(self.env.spec.kwargs) if self.env.spec else {},
            task_id=make_plain(self.info["task_id"]),
            seed=self.seed,
            agent=self.agent_name,
            instruction=make_plain(self.info["instruction"]),
            reset_observation=self.reset_observation,
            turns=self.turns,
            segments=list(segments),
            score=self._check_finite(self.info["score"], "the score") if error is None else 0.0,
            success=bool(self.info["success"]) and error is None,
            terminated=self.terminated,
            truncated=self.truncated,
            error=describe_error(error) if error is not None else None,
            error_kind=kind_of_failure(error) if error is not None else "agent",
            seconds=time.perf_counter() - self._started,
            milestones=milestones,
            milestone_version=MILESTONE_VERSION if milestones else 1,
            reward_parts=None if parts is None else dict(map(self._check_part, parts, parts.values())),
            reply_version=reading.version,
            ignores_case=reading.ignores_case,
        )

    def _check_part(self, name: str, part: Any) -> tuple[str, float | bool]:
        is_flag = isinstance(part, bool)
        return make_plain(name), part if is_flag else self._check_finite(part, f"the part {name!r} of the reward")

    def _check_finite(self, value: SupportsFloat, what: str) -> float:
        number = float(value)
        if math.isfinite(number):
            return number
        world = self.env.spec.id if self.env.spec else type(self.env.unwrapped).__name__
        raise ValueError(f"the environment {world} gave {number} as {what}: only finite numbers can be recorded")


def _write_paths(options: Any) -> Any:
    """Return options with texts for paths, in lists too; the rest as it is."""
    match options:
        case os.PathLike():
            return os.fspath(options)
        case dict():
            return {name: _write_paths(option) for name, option in options.items()}
        case list() | tuple():
            return [_write_paths(option) for option in options]
    return options
