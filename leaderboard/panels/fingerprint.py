"""The worlds that panels are played in: making them, and noticing when one is not the world it was."""

import hashlib
import random
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium as gym
import msgspec

from hiper_envs.episodes.regular_file import find_irregular
from hiper_envs.registration import find_known_id
from webshop_server.allowed_names import nearest_name

NUM_PROBES = 16
NUM_PROBE_TURNS = 10
FETCH_GAMES = "put the files back that it was frozen with (alfworld-download fetches the released games)"
PATH_OPTIONS = ("games", "data")
"""Options of worlds that may name files and folders."""


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


def make_world(
    env_id: str, env_options: Mapping[str, Any], max_turns: int, *, may_import: bool = False
) -> gym.Env[str, str]:
    """Make a world by its Gymnasium id.

    Args:
        env_id: The id.
        env_options: Options for `gym.make`.
        max_turns: Turns after which an episode is truncated.
        may_import: Whether "module:Env-v0" imports the module, because a person asked for it.

    Raises:
        PanelError: There is no such world, it would import a module that it may not, or it refuses the options.
    """
    try:
        known = env_id if may_import else find_known_id(env_id)
        _check_paths(env_options)
        env = gym.make(known, max_episode_steps=max_turns, disable_env_checker=True, **env_options)
        _check_limit(env, max_turns)
        return env
    except (gym.error.Error, ImportError, ValueError, TypeError, OSError, RecursionError) as error:
        options = "".join(f", {key}={reprlib.repr(value)}" for key, value in env_options.items())
        module = env_id.rpartition(":")[0]
        hint = f" (leaderboard verify --imports {module})" if module and not may_import else ""
        raise PanelError(f"cannot make the world {env_id!r}{options:.200}: {error}{hint}") from error


def _check_limit(env: gym.Env[str, str], max_turns: int) -> None:
    """Check that a world's own limit, which hangs on its options, does not end episodes before the panel's does."""
    own = getattr(env.unwrapped, "max_turns", None)
    if isinstance(own, int) and own < max_turns:
        raise ValueError(
            f"it ends episodes after {own} turns, before {max_turns}: set its option max_turns to {max_turns}"
        )


def _check_paths(env_options: Mapping[str, Any]) -> None:
    for name in PATH_OPTIONS:
        value = env_options.get(name)
        for path in value if isinstance(value, list | tuple) else [value]:
            found = find_irregular(Path(path).expanduser()) if isinstance(path, str | Path) else None
            if found is not None:
                raise ValueError(f"{str(found)!r} is neither a file nor a folder, so that reading it may never end")


def check_tasks(env: gym.Env[str, str], tasks: Sequence[PanelTask]) -> None:
    """Check that a world has all tasks of a panel.

    Raises:
        PanelError: It lacks some; the first is named, and why if the world knows (`left_out`, `place`).
    """
    known: Sequence[str] = env.get_wrapper_attr("tasks")
    missing = [row.task for row in tasks if row.task not in known]
    if not missing:
        return
    world: Any = env.unwrapped
    left_out: Mapping[str, str] = getattr(world, "left_out", {})
    for task in missing:
        if task in left_out:
            raise PanelError(f"the panel's game {task!r} cannot be played: {left_out[task]}")
    if place := getattr(world, "place", ""):
        are = "is" if len(missing) == 1 else "are"
        raise PanelError(
            f"{len(missing)} of the panel's {len(tasks)} games {are} not in {place}, first {missing[0]!r};"
            f" {FETCH_GAMES}"
        )
    near = nearest_name(missing[0], known)
    hint = f", such as {near!r}" if near else ""
    raise PanelError(f"the installed world has no task {missing[0]!r}; it has {len(known)} others{hint}")


def list_digests(env: gym.Env[str, str], tasks: Sequence[PanelTask]) -> tuple[str, ...]:
    """Return what the files of tasks hold, by the world's `digest_of`; nothing if its tasks are no files.

    Raises:
        PanelError: A file cannot be read.
    """
    world: Any = env.unwrapped
    if not getattr(world, "has_digests", False):
        return ()
    digests = []
    for row in tasks:
        try:
            digests.append(world.digest_of(row.task))
        except (ValueError, OSError) as error:
            raise PanelError(f"the panel's game {row.task!r} cannot be played: {error}") from error
    return tuple(digests)


def check_digests(env: gym.Env[str, str], tasks: Sequence[PanelTask], digests: Sequence[str]) -> None:
    """Check that the files of a panel's tasks are what they were.

    Args:
        env: The world, which has all the tasks.
        tasks: The tasks.
        digests: Of each task's file as it was; none if nothing is known of them.

    Raises:
        PanelError: A file has changed, cannot be read, or the world has none.
    """
    if not digests:
        return
    found = list_digests(env, tasks)
    if not found:
        raise PanelError(
            "the panel knows the files of its games by their digests, and the world made has no such files"
        )
    changed = [number for number, digest in enumerate(digests) if digest != found[number]]
    if changed:
        first, have = changed[0], "has" if len(changed) == 1 else "have"
        raise PanelError(
            f"{len(changed)} of the panel's {len(tasks)} games {have} changed since it was frozen, first"
            f" {tasks[first].task!r}: the digest of what its file says, human goals included if they are played, was"
            f" {digests[first][:12]!r} and is now {found[first][:12]!r}; {FETCH_GAMES}"
        )


def check_clusters(env: gym.Env[str, str], tasks: Sequence[PanelTask], key: str, labels: Sequence[str]) -> None:
    """Check that tasks share what a panel says, where the world knows.

    Args:
        env: The world, which has all the tasks.
        tasks: The tasks.
        key: What tasks of a cluster share; a key that is not the world's own is nothing it knows of.
        labels: The label of each task's cluster.

    Raises:
        PanelError: The world says something else.
    """
    world: Any = env.unwrapped
    if not labels or getattr(world, "group_key", None) != key:
        return
    for row, label in zip(tasks, labels, strict=True):
        if (found := str(world.group_of(row.task))) != label:
            raise PanelError(
                f"the panel says that the {key} of task {row.task!r} is {label!r:.80}, and the world that it is"
                f" {found!r}: freeze the panel with --cluster-key {key}, or give its clusters a key of their own"
            )


def fingerprint_world(env: gym.Env[str, str], tasks: Sequence[PanelTask]) -> str:
    """Return the SHA-256 of what a world says on a few turns of tasks spread over a panel.

    Each probe takes random admissible actions from the task's seed on, so whatever changes texts, lists, rewards or
    where things are shows, whether or not somebody remembered to count a version up.

    Raises:
        PanelError: A task cannot be played.
    """
    digest = hashlib.sha256()
    num_probes = min(NUM_PROBES, len(tasks))
    for probe in range(num_probes):
        row = tasks[probe * len(tasks) // num_probes]
        try:
            _probe(env, row, digest.update)
        except (ValueError, OSError, ImportError) as error:
            raise PanelError(f"the panel's task {row.task!r} cannot be played: {error}") from error
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
