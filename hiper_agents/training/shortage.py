"""One sentence for a run that does not fit into memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

ALLOCATOR = "DefaultCPUAllocator"


class OutOfMemoryError(ValueError):
    """A run does not fit into memory; the message says which settings to lower."""


@contextmanager
def naming_settings() -> Iterator[None]:
    """Let a lack of memory inside say which settings to lower.

    Raises:
        OutOfMemoryError: There was not enough memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        first = str(error).strip().partition("\n")[0]
        if not isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) and ALLOCATOR not in first:
            raise
        raise OutOfMemoryError(
            "this run needs more memory than there is: lower max_tokens (learned from at once), num_envs (played at"
            " once) or ppo_minibatch, or set checkpoints_activations, lora_rank or dtype = 'bfloat16';"
            f" the last checkpoint is as it was ({first or type(error).__name__})"
        ) from error
