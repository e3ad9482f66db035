"""Texts of some decisions, read at once: where the replies' tokens are scored and the values are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from hiper_agents.policies.language.decision import LanguageDecision
from hiper_agents.policies.language.marking import Marking
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.policy import KINDS, Kind, Rows

ALL_KINDS: tuple[Kind, ...] = (*KINDS, "format")
FORBIDDEN = -1e9
"""Score of a token that could not be drawn; finite, so that a probability of 0 times its logarithm is 0."""


@dataclass(frozen=True, eq=False)
class LanguageBatch:
    """T turns with N learned tokens in B texts of at most L tokens.

    Attributes:
        ids: The texts, padded at their ends, [B, L].
        marked: Whether a token is marked, see `Marking`, [B, L].
        is_page: Whether the world wrote a token, and not an actor, [B, L].
        row, column: Text and position of the token before each learned one, [N].
        token: The learned tokens, [N].
        turn: The turn of each, [N].
        kind: Position of its kind in `ALL_KINDS`, [N].
        log_old: Log-probability when it was drawn, [N].
        few: Which of them were drawn from a few tokens alone, [M].
        allowed: What those were drawn from, as pairs (position in `few`, token), [pairs, 2].
        barred: What others could not be drawn from, as pairs (position of the learned token, token), [pairs, 2].
        hidden: What the model made of each token, [B, L, width].
        at_token, at_start, at_low: The same of the token before each learned one, [N, width], before each reply and
            before each action, [T, width].
    """

    ids: Tensor
    marked: Tensor
    is_page: Tensor
    row: Tensor
    column: Tensor
    token: Tensor
    turn: Tensor
    kind: Tensor
    log_old: Tensor
    few: Tensor
    allowed: Tensor
    barred: Tensor
    hidden: Tensor
    at_token: Tensor
    at_start: Tensor
    at_low: Tensor


def make_batch(
    network: LanguageNetwork, tokenizer: Any, decisions: Sequence[LanguageDecision], learns_values_alone: bool
) -> LanguageBatch:
    """Read the texts of some decisions, each once.

    Args:
        network: The model.
        tokenizer: Its tokenizer.
        decisions: All turns of each text that are to be read.
        learns_values_alone: Whether nothing but the value heads gets a gradient.
    """
    texts: dict[int, tuple[int, LanguageDecision]] = {}
    rows = [texts.setdefault(id(each.text), (len(texts), each))[0] for each in decisions]
    ends = np.zeros(len(texts), dtype=np.int64)
    np.maximum.at(ends, rows, [each.end for each in decisions])
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    ids = np.full((len(texts), int(ends.max())), pad, dtype=np.int64)
    marked = np.zeros(ids.shape, dtype=bool)
    is_page = np.zeros(ids.shape, dtype=bool)
    for number, first in texts.values():
        ids[number, : ends[number]] = first.text.ids[: ends[number]]
        is_page[number, : ends[number]] = True
        if first.text.marked_ids:
            marked[number] = np.isin(ids[number], list(first.text.marked_ids))
    if network.marks is not None:
        marked &= ~Marking(tokenizer).find_replies(ids)
    for text, each in zip(rows, decisions, strict=True):
        is_page[text, each.start : each.end] = False
    device = next(network.parameters()).device
    shown = torch.from_numpy(ids).to(device), torch.from_numpy(marked).to(device)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not learns_values_alone):
        hidden = network.read(*shown)
    row = torch.tensor(rows, device=device)
    start = torch.tensor([each.start - 1 for each in decisions], device=device)
    low = torch.tensor([each.low_at for each in decisions], device=device)
    num_tokens = network.model.get_output_embeddings().weight.shape[0]
    tokens = _list_tokens(decisions, np.asarray(rows), num_tokens, device)
    return LanguageBatch(
        *shown,
        is_page=torch.from_numpy(is_page).to(device),
        hidden=hidden,
        **tokens,
        at_token=hidden[tokens["row"], tokens["column"]],
        at_start=hidden[row, start],
        at_low=hidden[row, low],
    )


class _Token(NamedTuple):
    """A learned token: the position before it, itself, what it is, and what it was drawn from."""

    turn: int
    column: int
    token: int
    kind: int
    log_old: float
    allowed: tuple[int, ...] | None


def _list_learned(decisions: Sequence[LanguageDecision]) -> Iterator[_Token]:
    """Yield the tokens that are to be learned; those that were given, each the only one allowed, hold nothing."""
    for turn, each in enumerate(decisions):
        logs = chain(each.log_old, repeat(0.0))
        limits = chain(each.allowed, repeat(None))
        for number, (token, kind, log, allowed) in enumerate(zip(*each.learned, logs, limits, strict=False)):
            if allowed is None or (len(allowed) > 1 and token in allowed):
                yield _Token(turn, each.start + number - 1, token, ALL_KINDS.index(kind), log, allowed)


def _list_tokens(
    decisions: Sequence[LanguageDecision], rows: Any, num_tokens: int, device: torch.device
) -> dict[str, Tensor]:
    learned = list(_list_learned(decisions))
    few: list[int] = []
    allowed: list[tuple[int, int]] = []
    barred: list[tuple[int, int]] = []
    for place, each in enumerate(learned):
        if each.allowed is None:
            continue
        if 2 * len(each.allowed) <= num_tokens:
            allowed += [(len(few), token) for token in each.allowed]
            few.append(place)
        else:
            barred += [(place, token) for token in _list_others(each.allowed, num_tokens)]
    found: dict[str, Any] = {
        name: np.array([getattr(each, name) for each in learned], dtype=np.int64)
        for name in ("turn", "column", "token", "kind")
    }
    found |= {
        "row": rows[found["turn"]],
        "log_old": np.array([each.log_old for each in learned], dtype=np.float32),
        "few": np.array(few, dtype=np.int64),
        "allowed": np.array(allowed, dtype=np.int64).reshape(-1, 2),
        "barred": np.array(barred, dtype=np.int64).reshape(-1, 2),
    }
    return {name: torch.from_numpy(values).to(device) for name, values in found.items()}


@lru_cache(maxsize=8)
def _list_others(allowed: tuple[int, ...], num_tokens: int) -> tuple[int, ...]:
    return tuple(sorted(set(range(num_tokens)) - set(allowed)))


def score_tokens(batch: LanguageBatch, network: LanguageNetwork, reference: LanguageNetwork | None) -> dict[Kind, Rows]:
    """Return the rows of a batch by kind, one for each learned token.

    Args:
        batch: What the network made of the texts.
        network: The network.
        reference: Another one to measure the divergence from; it reads the texts for itself.
    """
    logs = _limit(network.score(batch.at_token), batch).log_softmax(-1)
    new = logs.gather(1, batch.token[:, None])[:, 0]
    shares = logs.exp()
    entropy = -(shares * logs).sum(-1)
    divergence = None
    if reference is not None:
        with torch.no_grad():
            theirs = reference.read(batch.ids, batch.marked)[batch.row, batch.column]
            other = _limit(reference.score(theirs), batch).log_softmax(-1)
        divergence = (shares * (logs - other)).sum(-1)
    rows: dict[Kind, Rows] = {}
    for number, kind in enumerate(ALL_KINDS):
        place = torch.nonzero(batch.kind == number)[:, 0]
        rows[kind] = Rows(
            turn=batch.turn[place],
            made=torch.ones(len(place), dtype=torch.bool, device=place.device),
            log_old=batch.log_old[place],
            log_new=new[place],
            entropy=entropy[place],
            divergence=None if divergence is None else divergence[place],
        )
    return rows


def read_pages(batch: LanguageBatch, network: LanguageNetwork) -> Tensor:
    """Return the negative log-likelihood of what the world wrote in a batch's texts, each token after those before it.

    Args:
        batch: What the network made of the texts.
        network: The network.
    """
    behind = batch.is_page[:, 1:]
    scores = network.score(batch.hidden[:, :-1][behind])
    return cross_entropy(scores, batch.ids[:, 1:][behind], reduction="sum")


def _limit(scores: Tensor, batch: LanguageBatch) -> Tensor:
    """Return scores with those tokens out of reach that could not be drawn."""
    if len(batch.few):
        others = torch.full((len(batch.few), scores.shape[1]), FORBIDDEN, device=scores.device, dtype=scores.dtype)
        others[batch.allowed[:, 0], batch.allowed[:, 1]] = 0.0
        scores = scores.index_add(0, batch.few, others)
    if len(batch.barred):
        out_of_reach = torch.full((len(batch.barred),), FORBIDDEN, device=scores.device, dtype=scores.dtype)
        scores = scores.index_put((batch.barred[:, 0], batch.barred[:, 1]), out_of_reach)
    return scores
