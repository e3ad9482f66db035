"""Reading a growing text with a model, no token twice, and drawing replies to it token by token."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hiper_agents.policies.language.model import LanguageModel, ModelError


class Drawn(NamedTuple):
    """The tokens of one reply; n of them.

    Attributes:
        ids: Their ids.
        log_probabilities: Natural logarithms of their probabilities at temperature 1, whatever they were drawn at.
        finish_reason: "stop" if the model ended the reply or it was complete, "length" at the limit of tokens.
    """

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    finish_reason: str


class Reader:
    """One text and the model's keys and values over it; what a new text shares with it is not read again.

    Args:
        language: The model.

    Attributes:
        num_read: Tokens that went through the model so far.
    """

    def __init__(self, language: LanguageModel) -> None:
        self.language = language
        self.num_read = 0
        self._ids: list[int] = []
        self._cache: Any = None

    def read(self, ids: Sequence[int]) -> Tensor:
        """Return the log-probabilities of the token that follows a text, shape [vocabulary], float32.

        Args:
            ids: The whole text, at least one token.

        Raises:
            ModelError: It is longer than the model can look back on.
        """
        from transformers import DynamicCache

        limit = self.language.max_positions
        if limit is not None and len(ids) > limit:
            raise ModelError(
                f"{len(ids)} tokens are more than the {limit} that {self.language.name!r} can look back on: limit the"
                " prompt with PromptConfig(max_characters=...)"
            )
        # The last token is read again where all are known: its log-probabilities are not kept.
        num_known = min(_count_shared(self._ids, ids), len(ids) - 1)
        if self._cache is None or not num_known:
            self._cache = DynamicCache()
        elif num_known < len(self._ids):
            self._cache.crop(num_known - len(self._ids))
        new = torch.tensor([list(ids[num_known:])], device=self.language.model.device)
        with torch.inference_mode():
            output = self.language.model(input_ids=new, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
        self.num_read += new.shape[1]
        self._ids = list(ids)
        scores: Tensor = output.logits[0, -1].float().log_softmax(-1)
        return scores

    def draw(
        self,
        ids: Sequence[int],
        *,
        max_tokens: int,
        temperature: float,
        generator: torch.Generator,
        is_complete: Callable[[Sequence[int]], bool] = lambda ids: False,
    ) -> Drawn:
        """Draw a reply to a text.

        Args:
            ids: The text.
            max_tokens: The longest reply.
            temperature: Divides the scores before each draw; 0 takes the likeliest token.
            generator: Where chance comes from.
            is_complete: Whether a reply needs no further token.

        Returns:
            The reply's tokens, without the one that ends it.
        """
        drawn: list[int] = []
        logs: list[float] = []
        while len(drawn) < max_tokens:
            scores = self.read([*ids, *drawn])
            token = _choose(scores, temperature, generator)
            if token in self.language.end_ids:
                return Drawn(tuple(drawn), tuple(logs), "stop")
            drawn.append(token)
            logs.append(float(scores[token]))
            if is_complete(drawn):
                return Drawn(tuple(drawn), tuple(logs), "stop")
        return Drawn(tuple(drawn), tuple(logs), "length")


def _count_shared(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = zip(first, second, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _choose(scores: Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature == 0:
        return int(scores.argmax())
    # Drawn on the processor, so that a seed draws the same on every device.
    shares = (scores.cpu().double() / temperature).softmax(-1)
    return int(torch.multinomial(shares, 1, generator=generator))
