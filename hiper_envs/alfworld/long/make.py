"""Making the environment with the limit of turns that it declares: so many turns for each goal."""

import sys
from types import FrameType
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import TimeLimit

from hiper_envs.alfworld.long.env import ALFWorldLongEnv


def make_long(**options: Any) -> gym.Env[str, str]:
    """Make the environment for `gym.make`, which limits the turns itself if it is called with `max_episode_steps`.

    Gymnasium knows one limit for an id, whatever the options, and does not hand the one of a call on to the entry
    point. So that is read off the call, whose parameters have public names; whoever else calls gets the limit.
    """
    caller = sys._getframe(1)
    return ALFWorldLongEnv(**options) if _is_given_limit(caller) else make_limited(**options)


def make_limited(**options: Any) -> gym.Env[str, str]:
    """Make the environment with its own limit of turns."""
    env = ALFWorldLongEnv(**options)
    return TimeLimit(env, env.max_turns)


def _is_given_limit(caller: FrameType) -> bool:
    if caller.f_code is not gym.make.__code__:
        return False
    made_of, limit = (caller.f_locals.get(name) for name in ("id", "max_episode_steps"))
    return limit is not None or getattr(made_of, "max_episode_steps", None) is not None


# Where Gymnasium looks for the render modes of what an entry point makes.
vars(make_long)["metadata"] = ALFWorldLongEnv.metadata
