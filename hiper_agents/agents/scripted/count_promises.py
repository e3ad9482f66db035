"""Count what training games show in which furniture, into data/promises.json: what the ALFWorld expert expects.

It walks through every room of the training games (without those set aside for evaluations), opens what is closed and
reads what it says there; nothing but these texts is counted:

    python -m hiper_agents.agents.scripted.count_promises
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
from rich.progress import track

import hiper_envs  # noqa: F401 - registers the ids
from hiper_envs.alfworld.reading import read_observation, type_of
from hiper_envs.alfworld.sources import is_set_aside

TARGET = Path(__file__).parent / "data" / "promises.json"


def look_around(env: gym.Env[str, str], task: str) -> Iterator[tuple[str, bool, tuple[str, ...]]]:
    """Yield each piece of furniture of a room, whether it was closed, and what lies there."""
    observation, info = env.reset(options={"task": task})
    seen = read_observation(observation)
    for place in [*seen.facing, *sorted(each[6:] for each in info["admissible_actions"] if each.startswith("go to "))]:
        env.step(f"go to {place}")
        found = read_observation(env.step(f"examine {place}")[0])
        was_closed = place in found.closed
        if was_closed:
            found = read_observation(env.step(f"open {place}")[0])
        yield place, was_closed, found.contents.get(place, ())


def count() -> dict[str, object]:
    """Return all counts as plain data, see `Promises`."""
    env = gym.make("hiper/ALFWorld-v0", split="train", games="generated", max_episode_steps=1000)
    closed: Counter[str] = Counter()
    pieces: Counter[str] = Counter()
    holding: dict[str, Counter[str]] = defaultdict(Counter)
    looked_at: dict[str, Counter[str]] = defaultdict(Counter)
    for task in track([task for task in env.get_wrapper_attr("tasks") if not is_set_aside(task)]):
        rooms = list(look_around(env, task))
        kinds = Counter(type_of(place) for place, _, _ in rooms)
        pieces.update(kinds)
        for place, was_closed, things in rooms:
            closed[type_of(place)] += was_closed
            for thing in set(map(type_of, things)):
                holding[thing][type_of(place)] += 1
        for thing in {type_of(thing) for _, _, things in rooms for thing in things}:
            looked_at[thing].update(kinds)
    return {
        "closed": sorted(kind for kind in pieces if closed[kind] > pieces[kind] / 2),
        "holding": {
            thing: {kind: [number, looked_at[thing][kind]] for kind, number in sorted(kinds.items())}
            for thing, kinds in sorted(holding.items())
        },
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(count(), separators=(",", ":")) + "\n", encoding="utf-8")
