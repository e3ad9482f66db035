"""The worlds that panels are played in: making them, and noticing when one is not the world it was."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import msgspec

NUM_PROBES = 16
NUM_PROBE_TURNS = 10


class PanelError(ValueError):
    """A panel that cannot be found, read or played, in one sentence."""


class PanelTask(msgspec.Struct, frozen=True, array_like=True):
    """One task of a panel, written as `[task, seed]`.

    Attributes:
        task: The task's id in the environment.
        seed: Seed of the environment and of the agent for this episode.
    """

    task: str
    seed: int


def make_world(env_id: str, env_options: Mapping[str, Any], max_turns: int) -> gym.Env[str, str]:
    """Make a world by its Gymnasium id.

    Raises:
        PanelError: There is no such world, or it refuses the options.
    """
    try:
        return gym.make(env_id, max_episode_steps=max_turns, disable_env_checker=True, **env_options)
    except (gym.error.Error, ImportError, ValueError, TypeError, OSError) as error:
        options = "".join(f", {key}={value!r}" for key, value in env_options.items())
        raise PanelError(f"cannot make the world {env_id!r}{options}: {error}") from error


def check_tasks(env: gym.Env[str, str], tasks: Sequence[PanelTask]) -> None:
    """Check that a world has all tasks of a panel.

    Raises:
        PanelError: It lacks one.
    """
    known: Sequence[str] = env.get_wrapper_attr("tasks")
    for row in tasks:
        if row.task not in known:
            raise PanelError(f"the installed world has no task {row.task!r}; it has {len(known)} others")


def fingerprint_world(env: gym.Env[str, str], tasks: Sequence[PanelTask]) -> str:
    """Return the SHA-256 of what a world says on a few turns of tasks spread over a panel.

    Each probe takes random admissible actions from the task's seed on, so whatever changes texts, lists, rewards or
    where things are shows, whether or not somebody remembered to count a version up.
    """
    digest = hashlib.sha256()
    num_probes = min(NUM_PROBES, len(tasks))
    for probe in range(num_probes):
        _probe(env, tasks[probe * len(tasks) // num_probes], digest.update)
    return digest.hexdigest()


def _probe(env: gym.Env[str, str], task: PanelTask, update: Any) -> None:
    rng = random.Random(task.seed)
    observation, info = env.reset(seed=task.seed, options={"task": task.task})
    reward: SupportsFloat = 0.0
    is_over = False
    for _ in range(NUM_PROBE_TURNS):
        actions = info["admissible_actions"]
        update(msgspec.json.encode([observation, info["instruction"], actions, float(reward), is_over]))
        if is_over:
            return
        observation, reward, terminated, truncated, info = env.step(rng.choice(actions))
        is_over = terminated or truncated
