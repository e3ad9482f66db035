"""Making the environment with its limit of turns, which Gymnasium's registry cannot tell: it hangs on the options."""

from typing import Any

from gymnasium.wrappers import TimeLimit

from hiper_envs.alfworld.long.env import ALFWorldLongEnv


def make_long(**options: Any) -> TimeLimit[str, str]:
    """Return an `ALFWorldLongEnv` that truncates its episodes after `max_turns`.

    `gym.make(..., max_episode_steps=...)` can cut episodes shorter; `max_turns` makes them longer.
    """
    env = ALFWorldLongEnv(**options)
    return TimeLimit(env, env.max_turns)


make_long.metadata = ALFWorldLongEnv.metadata  # type: ignore[attr-defined]  # gym.make looks for render modes there
