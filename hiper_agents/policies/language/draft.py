"""A text, a reply to it in the making, and the reply when it is made."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from hiper_agents.policies.language.decoding import Guide, Spelling, Tokens
from hiper_agents.policies.policy import KINDS

LOW = KINDS.index("action")
Values = npt.NDArray[np.float32]


class Text:
    """The tokens of one episode so far. It only grows: a text that is written anew is another `Text`.

    Args:
        ids: The tokens; at least one before a reply is drawn.
        marked_ids: Tokens that also stand in the task's sentence.
    """

    def __init__(self, ids: Sequence[int] = (), marked_ids: frozenset[int] = frozenset()) -> None:
        self.ids = list(ids)
        self.marked_ids = marked_ids


class Drawn(NamedTuple):
    """The tokens of one reply; n of them.

    Attributes:
        ids: Their ids, without one that ends the text and is no part of the reply.
        log_probabilities: Natural logarithms of their probabilities at temperature 1 among those allowed, whatever they
            were drawn at; 0 for a token that was given.
        allowed: What each was chosen among; None for the whole vocabulary.
        finish_reason: "stop" if the reply is complete or the model ended it, "length" at the limit of tokens.
        value_before: Values of the place where the reply begins, shape [3] in the order of `KINDS`.
        value_low: Value of the place where the subgoal stands and the action does not yet.
        low_at: Which of the text's tokens `value_low` was read at: the one that closes the subgoal, or the last one
            before the reply where no subgoal is closed or nothing follows it.
    """

    ids: Tokens
    log_probabilities: tuple[float, ...]
    allowed: tuple[Tokens | None, ...]
    finish_reason: str
    value_before: npt.NDArray[np.float32]
    value_low: float
    low_at: int


class Draft:
    """A reply in the making.

    Args:
        text: What it answers; its tokens are appended.
        row: Where the text's keys and values are.
        num_known: How many of the text's tokens need not be read.
        guide: What it may go on with.
        spelling: The tokenizer's.
        limit: The longest reply, in tokens.

    Attributes:
        allowed: What the next token is chosen among; None for the whole vocabulary.
        finish: None while tokens are lacking, then "stop" or "length".
        low_at: The place that `Drawn.low_at` tells.
        values: Values of all places that were read for it, in order.
    """

    def __init__(self, text: Text, row: int, num_known: int, guide: Guide, spelling: Spelling, limit: int) -> None:
        self.text, self.row, self.guide, self.spelling, self.limit = text, row, guide, spelling, limit
        self.start = len(text.ids)
        self.logs: list[float] = []
        self.chosen_among: list[Tokens | None] = []
        self.allowed: Tokens | None = None
        self.finish: str | None = None
        self.low_at = self.start - 1
        self._num_known = num_known
        self.values: list[Values] = []
        self._go_on(None)

    @property
    def room(self) -> int:
        """How many tokens may still come."""
        return self.limit - len(self.logs)

    def take(self, token: int, log_probability: float) -> None:
        """Go on with a token that was drawn, and with all that are given after it."""
        is_free = self.allowed is None or self.allowed is self.spelling.subgoal_choice
        is_end = is_free and token in self.spelling.end_ids
        if not is_end or token in self.spelling.kept_ids:
            self._append(token, log_probability)
        if is_end:
            self._finish("stop")
        else:
            self._go_on(token)

    def end(self) -> None:
        """End the reply where it is, as where the model ended it and nothing is told of the token that did."""
        self._finish("stop")

    def _append(self, token: int, log_probability: float) -> None:
        self.text.ids.append(token)
        self.logs.append(log_probability)
        self.chosen_among.append(self.allowed)

    def _go_on(self, token: int | None) -> None:
        try:
            self.allowed = next(self.guide) if token is None else self.guide.send(token)
            while self.allowed is not None and len(self.allowed) == 1 and len(self.logs) < self.limit:
                self._append(self.allowed[0], 0.0)
                self.allowed = self.guide.send(self.allowed[0])
        except StopIteration:
            self._finish("stop")
        else:
            if len(self.logs) >= self.limit:
                self._finish("length")

    def _finish(self, reason: str) -> None:
        self.finish = reason
        end = self.spelling.find_subgoal_end(self.text.ids[self.start :])
        if end is not None and end + 1 < len(self.logs):
            self.low_at = self.start + end

    def tell(self) -> Drawn:
        """Return the reply once all its places were read."""
        values = np.concatenate(self.values)
        low = float(values[self.low_at - self._num_known, LOW])
        before = values[self.start - 1 - self._num_known]
        ids = tuple(self.text.ids[self.start :])
        assert self.finish is not None
        return Drawn(ids, tuple(self.logs), tuple(self.chosen_among), self.finish, before, low, self.low_at)


class Look:
    """What was made of a draft's new tokens and of guesses at those that follow.

    Args:
        draft: The draft.
        start: Where its new tokens begin.
        guesses: Tokens that probably follow.

    Attributes:
        ids: The text as it was read, guesses included.
        end: Where the guesses begin.
        num_right: How many of the guesses came, as far as is known.
        hidden: Hidden states of the last known token and of the guesses, shape [1 + guesses, hidden].
        values: Values of all tokens from `start` on, shape [tokens, 3].
    """

    def __init__(self, draft: Draft, start: int, guesses: Sequence[int]) -> None:
        self.draft, self.start, self.end = draft, start, len(draft.text.ids)
        self.ids = [*draft.text.ids, *guesses] if guesses else draft.text.ids[:]
        self.num_right = 0
        self.hidden: Tensor
        self.values: Values

    def goes_on(self) -> bool:
        """Compare what was drawn and given with the guesses; return whether the next token can be drawn from them."""
        come = self.draft.text.ids[self.end :]
        guesses = self.ids[self.end :]
        differs = (number for number, pair in enumerate(zip(come, guesses, strict=False)) if pair[0] != pair[1])
        self.num_right = next(differs, min(len(come), len(guesses)))
        return self.draft.finish is None and self.num_right == len(come)


def pack(widths: Sequence[int], most: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield batches of pieces (which, from, to) that hold at most so many tokens together."""
    batch: list[tuple[int, int, int]] = []
    filled = 0
    for number, width in enumerate(widths):
        begin = 0
        while begin < width:
            end = min(width, begin + most - filled)
            batch.append((number, begin, end))
            filled += end - begin
            begin = end
            if filled == most:
                yield batch
                batch, filled = [], 0
    if batch:
        yield batch
