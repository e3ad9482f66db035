"""Random games on both engines in lock-step: a few seconds here, hours with `make fuzz`.

HIPER_FUZZ_SECONDS and HIPER_FUZZ_SEED set how long `make fuzz` plays and where it begins; a difference names its seed.
"""

import os
import random
import time

import pytest

from hiper_envs.alfworld.generated.generate import generate, task_ids
from tests.hiper_envs.alfworld.lockstep import Difference, walk_both
from tests.hiper_envs.alfworld.odd_games import disturb, shrink
from tests.hiper_envs.alfworld.official.marks import needs_official

pytestmark = needs_official
DEFAULT_SECONDS = 3600.0
NUM_CHANGES = (0, 1, 2, 4, 8)


def play_seed(seed: int, num_steps: int) -> int:
    """Make the seed's game and walk it on both engines; return the number of compared answers."""
    rng = random.Random(seed)
    problem = generate(rng.choice(task_ids(rng.choice(["train", "valid_seen", "valid_unseen"]))))
    if rng.random() < 0.95:
        problem = shrink(problem, rng, rng.randint(5, 10), rng.randint(6, 14))
    problem = disturb(problem, rng, rng.choice(NUM_CHANGES))
    try:
        return walk_both(problem, rng, num_steps, rng.choice([None, None, seed]))
    except Difference as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.slow
def test_engines_agree_on_odd_games() -> None:
    compared = sum(play_seed(seed, num_steps=30) for seed in range(24))
    assert compared > 15 * 30, "most of the games can be loaded"


@pytest.mark.fuzz
def test_engines_agree_for_hours() -> None:
    seconds = float(os.environ.get("HIPER_FUZZ_SECONDS", DEFAULT_SECONDS))
    seed = int(os.environ.get("HIPER_FUZZ_SEED", time.time_ns() % 10**9))
    end = time.monotonic() + seconds
    compared = 0
    while time.monotonic() < end:
        compared += play_seed(seed, num_steps=60)
        seed += 1
    assert compared > 0
