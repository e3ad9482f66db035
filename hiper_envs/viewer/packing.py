"""What the page's script needs of episodes: a line for each to list and search, and all turns packed away."""

import base64
import gzip
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hiper_envs.episodes.record import Episode, Turn
from hiper_envs.task_types import task_type

EPISODES_PER_CHUNK = 32
"""Episodes are packed together in chunks, each unpacked when one of its episodes is opened."""
GZIP_LEVEL = 6


@dataclass(frozen=True)
class Source:
    """Episodes that one agent played in one world.

    Attributes:
        name: The agent's name on the page.
        world: Name of the world; two agents are set side by side only in the same one.
        episodes: The episodes, in the order in which to list them.
        seed: Seed of the run, which is taken off the episodes' seeds to find the same task's episode of another run.
        origin: Where the episodes come from, for the page.
    """

    name: str
    world: str
    episodes: Sequence[Episode]
    seed: int = 0
    origin: str = ""


def pack_source(source: Source) -> dict[str, Any]:
    """Return a source as plain data for the page: the same bytes for the same episodes.

    Returns:
        `episodes` is a list with a line for each, `chunks` a list of base64 of gzip of JSON with `chunkSize` episodes
        in each.
    """
    starts = range(0, len(source.episodes), EPISODES_PER_CHUNK)
    return {
        "name": source.name,
        "world": source.world,
        "episodes": _list_episodes(source),
        "chunks": [_pack(source.episodes[start : start + EPISODES_PER_CHUNK]) for start in starts],
        "chunkSize": EPISODES_PER_CHUNK,
    }


def encode_for_script(data: Mapping[str, Any]) -> str:
    """Return JSON that is safe inside a script element."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def _list_episodes(source: Source) -> list[dict[str, Any]]:
    """Return a line for each episode; a task that is played twice with a seed has its count in its key."""
    counts: Counter[str] = Counter()
    lines = []
    for episode in source.episodes:
        key = f"{episode.task_id} {episode.seed - source.seed}"
        counts[key] += 1
        lines.append(_episode_line(episode, f"{key} {counts[key]}"))
    return lines


def _episode_line(episode: Episode, key: str) -> dict[str, Any]:
    outcome = "crash" if episode.error is not None else "success" if episode.success else "failure"
    return {
        "task": episode.task_id,
        "key": key,
        "type": task_type(episode.task_id),
        "instruction": episode.instruction,
        "outcome": outcome,
        "score": round(100 * episode.score, 1),
        "turns": episode.num_turns,
        "segments": [segment.num_turns for segment in episode.segments],
        "subgoals": [segment.subgoal for segment in episode.segments],
        "problems": sum(turn.is_ill_formed for turn in episode.turns),
        "cutOff": sum(turn.is_cut_off for turn in episode.turns),
        "reached": sum(len(turn.milestones) for turn in episode.turns),
        "milestones": len(episode.milestones),
    }


def _pack(episodes: Sequence[Episode]) -> str:
    content = msgspec.json.encode([_episode_detail(episode) for episode in episodes])
    return base64.b64encode(gzip.compress(content, GZIP_LEVEL, mtime=0)).decode()


def _episode_detail(episode: Episode) -> dict[str, Any]:
    return {
        "seed": episode.seed,
        "options": {name: str(value) for name, value in episode.env_options.items()},
        "reset": episode.reset_observation,
        "error": episode.error,
        "seconds": episode.seconds,
        "milestones": list(episode.milestones),
        "parts": dict(episode.reward_parts or {}),
        "segments": [msgspec.to_builtins(segment) for segment in episode.segments],
        "turns": [_turn_detail(turn) for turn in episode.turns],
    }


def _turn_detail(turn: Turn) -> dict[str, Any]:
    known = {
        "reward": turn.reward or None,
        "seconds": turn.seconds,
        "read": turn.prompt_tokens,
        "written": turn.reply_tokens,
        "milestones": turn.milestones or None,
        "problems": turn.faults or None,
    }
    texts = {"action": turn.action, "observation": turn.observation, "reply": turn.reply}
    return texts | {name: value for name, value in known.items() if value is not None}
