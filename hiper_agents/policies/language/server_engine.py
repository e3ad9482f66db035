"""An engine that draws from a server of language models, many requests at a time."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hiper_agents.policies.language.decoding import CLOSE_ACTION, Spelling, make_guide
from hiper_agents.policies.language.draft import Draft, Drawn, Text
from hiper_agents.policies.language.model import LanguageModel, ModelError
from hiper_agents.policies.language.network import LanguageNetwork, save_network
from hiper_agents.policies.language.sampling import Chance
from hiper_agents.policies.language.server import Server
from hiper_agents.policies.language.server_connection import ServerError
from hiper_agents.policies.policy import KINDS
from webshop_server.allowed_types import check_integer, check_number

MAX_REQUESTS = 256
SEEDS = 1 << 31


class ServerEngine:
    """Draws free replies from a server that holds the same model; values are left to whoever has the heads (NaN).

    Weights are handed over before the first draw, and whenever they were changed here in place, as optimisers do: saved
    to a folder that the server sees too, and taken from there by its own means.

    Args:
        network: The model as it is here.
        tokenizer: Its own.
        server: Where replies are drawn.
        decoding: "free"; a server cannot be held to the others.
        folder: Where weights are handed over; None for a server that holds the same ones and keeps them.
        max_requests: How many replies are drawn at a time.

    Raises:
        ValueError: The decoding is another, or the model reads more than tokens.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        tokenizer: Any,
        server: Server,
        decoding: str = "free",
        folder: str | Path | None = None,
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        if decoding != "free":
            raise ValueError(
                f"a server draws any token at any place: take decoding='free' instead of {decoding!r}, or draw on this"
                " machine"
            )
        if network.marks is not None:
            raise ValueError(
                "a server reads tokens alone, and this model has marks on them: train one without (has_marks=false), or"
                " draw on this machine"
            )
        self.network, self.tokenizer, self.server = network, tokenizer, server
        self.folder = None if folder is None else Path(folder)
        self.spelling = Spelling(tokenizer, LanguageModel("", network.model, tokenizer).end_ids)
        self.max_requests = check_integer(max_requests, "max_requests", 1)
        self._begin = make_guide(decoding, self.spelling, True)
        self._sample = network.sample_weights() if folder is None else None

    def draw(
        self,
        texts: Sequence[Text],
        admissible: Sequence[Sequence[str]],
        *,
        rng: Chance | None,
        temperature: float,
        max_tokens: int,
        opens: Sequence[bool] | None = None,
    ) -> list[Drawn]:
        """Draw a reply to each text, and append its tokens to it; whatever stops that, no text is changed.

        Args:
            texts: As `Engine` says.
            admissible: As `Engine` says.
            rng: As `Engine` says; each request gets a seed from it.
            temperature: As `Engine` says.
            max_tokens: As `Engine` says.
            opens: As `Engine` says.

        Raises:
            ModelError: A text fills what the model can look back on.
            ServerError: The server gave no usable answer, after all tries.
            ValueError: A text is empty or comes twice.
        """
        check_integer(max_tokens, "max_tokens", 1)
        check_number(temperature, "temperature", 0, 100)
        if len(set(map(id, texts))) != len(texts) or not all(text.ids for text in texts):
            raise ValueError("draw from each text once, and from no empty one")
        if self._sample != self.network.sample_weights():
            self.push(self.network)
        limits = [self._limit(text, max_tokens) for text in texts]
        odds = np.zeros((len(texts), 1)) if rng is None else rng.random((len(texts), 1))
        drafts = [
            Draft(text, 0, 0, self._begin((), False), self.spelling, limit)
            for text, limit in zip(texts, limits, strict=True)
        ]
        wanted = 0.0 if rng is None else float(temperature)
        requests = [
            _Request(draft, wanted, int(odd * SEEDS)) for draft, odd in zip(drafts, odds[:, 0].tolist(), strict=True)
        ]
        pool = ThreadPoolExecutor(min(max(1, len(texts)), self.max_requests))
        try:
            list(pool.map(self._finish, requests))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            for draft in drafts:
                del draft.text.ids[draft.start :]
            raise
        pool.shutdown()
        return [_tell(draft) for draft in drafts]

    def forget(self, text: Text) -> None:
        """Do nothing: what the server keeps of a text is its own affair."""

    def push(self, network: LanguageNetwork) -> None:
        """Hand weights over to the server.

        Args:
            network: Whose.

        Raises:
            ServerError: There is no folder to hand them over by, or the server has no means to take them.
            OSError: They cannot be saved.
        """
        if self.folder is None:
            raise ServerError(
                f"the weights have changed, and there is no folder to hand them over to {self.server.address} by: name"
                " one that the server sees too"
            )
        save_network(self.folder, network, self.tokenizer, {})
        self.server.reload(self.folder)
        self._sample = self.network.sample_weights()

    def _limit(self, text: Text, max_tokens: int) -> int:
        limit = self.network.max_positions
        if limit is not None and len(text.ids) >= limit:
            raise ModelError(
                f"a text of {len(text.ids)} tokens leaves no room for a reply within the {limit} that the model can"
                " look back on: start over with a shorter one"
            )
        return max_tokens if limit is None else min(max_tokens, limit - len(text.ids))

    def _finish(self, request: "_Request") -> None:
        """Ask until a reply is complete: a server stops at every closing tag, also at one that completes nothing."""
        draft = request.draft
        num_asked = 0
        while draft.finish is None:
            answered = self.server.draw(
                draft.text.ids,
                max_tokens=draft.limit - len(draft.logs),
                temperature=request.temperature,
                seed=(request.seed + num_asked) % SEEDS,
            )
            self._check_ids(answered.ids)
            for token, log in zip(answered.ids, answered.log_probabilities, strict=True):
                if draft.finish is None:
                    draft.take(token, log)
            goes_on = answered.finish_reason == "length" or CLOSE_ACTION in self.spelling.read(answered.ids)
            if draft.finish is None and (not answered.ids or not goes_on):
                draft.end()
            num_asked += 1

    def _check_ids(self, ids: Sequence[int]) -> None:
        num_known = self.network.model.get_input_embeddings().num_embeddings
        strange = [token for token in ids if not 0 <= token < num_known]
        if strange:
            raise ServerError(
                f"{self.server.address} told the token {strange[0]}, and the model here knows {num_known}: it serves"
                " another model"
            )


class _Request(NamedTuple):
    """A reply that is wanted."""

    draft: Draft
    temperature: float
    seed: int


def _tell(draft: Draft) -> Drawn:
    """Return a reply whose places nobody has valued yet."""
    draft.values = [np.full((len(draft.text.ids), len(KINDS)), math.nan, dtype=np.float32)]
    return draft.tell()
