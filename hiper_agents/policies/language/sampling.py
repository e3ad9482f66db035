"""Choosing tokens by their scores: the likeliest, or by chance that a seed repeats on any machine of one kind."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from hiper_agents.policies.language.decoding import Tokens
from hiper_agents.policies.language.model import ModelError


class Chance(Protocol):
    """Where chance comes from; a generator of numpy is one."""

    def random(self, size: tuple[int, int], /) -> npt.NDArray[np.float64]:
        """Return numbers from 0 to 1, a row for each reply."""


class ApartChance:
    """A generator for each reply, so that what it draws does not depend on what is drawn beside it.

    Args:
        generators: One for each reply.
    """

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        self._generators = generators

    def random(self, size: tuple[int, int], /) -> npt.NDArray[np.float64]:
        """Return numbers from 0 to 1, a row for each reply."""
        return np.stack([each.random(size[1]) for each in self._generators])


def choose_tokens(
    scores: Tensor, allowed: Sequence[Tokens | None], odds: npt.NDArray[np.float64] | None, temperature: float
) -> tuple[list[int], list[float]]:
    """Choose a token for each reply.

    Args:
        scores: Shape [replies, vocabulary]; written to.
        allowed: What each is chosen among; None for the whole vocabulary.
        odds: A number from 0 to 1 for each; None for the likeliest.
        temperature: Divides the scores.

    Returns:
        The tokens and their log-probabilities at temperature 1.
    """
    _forbid(scores, allowed)
    logs = scores.log_softmax(-1)
    if odds is None:
        tokens = scores.argmax(-1)
    else:
        heaps = (scores.double() / temperature).softmax(-1).cumsum(-1)
        marks = torch.from_numpy(odds).to(heaps.device)[:, None] * heaps[:, -1:]
        tokens = torch.searchsorted(heaps, marks, right=True)[:, 0].clamp(max=scores.shape[1] - 1)
    chosen = logs.gather(1, tokens[:, None])[:, 0]
    if not bool(chosen.isfinite().all()):
        raise ModelError("the model's scores are no numbers: its weights have run away; load earlier ones")
    return tokens.tolist(), chosen.tolist()


def _forbid(scores: Tensor, allowed: Sequence[Tokens | None]) -> None:
    """Set the scores of what is not allowed to minus infinity."""
    bound = [(number, ids) for number, ids in enumerate(allowed) if ids is not None]
    if bound:
        numbers = torch.tensor([number for number, ids in bound for _ in ids], device=scores.device)
        tokens = torch.tensor([token for _, ids in bound for token in ids], device=scores.device)
        kept = scores[numbers, tokens]
        scores[[number for number, _ in bound]] = float("-inf")
        scores[numbers, tokens] = kept
