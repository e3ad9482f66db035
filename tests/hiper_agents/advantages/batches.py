"""Random batches of turns for the tests of the estimators."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from hiper_agents.advantages import Turns


def random_turns(
    rng: np.random.Generator, num_episodes: int = 6, max_turns: int = 8, switch_rate: float = 0.4, **fixed: Any
) -> Turns:
    """Make random whole episodes with rows in random order; `fixed` replaces columns by functions of their length."""
    lengths = rng.integers(1, max_turns + 1, size=num_episodes)
    episode = np.repeat(rng.permutation(num_episodes * 3)[:num_episodes] - num_episodes, lengths)
    turn = np.concatenate([np.arange(length) for length in lengths])
    count = len(turn)
    is_last = np.concatenate([np.arange(length) == length - 1 for length in lengths])
    columns: dict[str, Any] = {
        "episode": episode,
        "turn": turn,
        "switch": rng.random(count) < switch_rate,
        "terminated": is_last & (rng.random(num_episodes) < 0.5)[np.repeat(np.arange(num_episodes), lengths)],
        "reward": rng.normal(size=count),
        "value_low": rng.normal(size=count),
        "value_high": rng.normal(size=count),
        "value_switch": rng.normal(size=count),
        "final_value": rng.normal(size=count),
    }
    columns.update({name: make(count) for name, make in fixed.items()})
    rows = rng.permutation(count)
    return Turns(**{name: None if values is None else values[rows] for name, values in columns.items()})


generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)
fractions = st.floats(0.0, 1.0, allow_nan=False)
