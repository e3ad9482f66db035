"""How this process was started: alone, or as one of several."""

import os

NUM_PROCESSES = "WORLD_SIZE"
USES_SHARDS = "ACCELERATE_USE_FSDP"
"""What `accelerate launch` and `torchrun` tell the processes that they start."""


def count_processes() -> int:
    """Return how many processes were started together.

    Raises:
        ValueError: The environment tells no number.
    """
    told = os.environ.get(NUM_PROCESSES) or "1"
    if not told.isdecimal():
        raise ValueError(f"${NUM_PROCESSES} is {told!r}; it must be the number of processes, or not be set")
    return max(1, int(told))


def uses_shards() -> bool:
    """Return whether each process is to keep a part of the weights (FSDP)."""
    return os.environ.get(USES_SHARDS, "").lower() in ("1", "true", "yes", "on")
