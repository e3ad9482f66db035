"""Texts of some decisions, read at once: where the replies' tokens are scored and the values are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hiper_agents.policies.language.decision import LanguageDecision
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
        marked: Whether a token is one of its text's marked ones, [B, L].
        row, column: Text and position of the token before each learned one, [N].
        token: The learned tokens, [N].
        turn: The turn of each, [N].
        kind: Position of its kind in `ALL_KINDS`, [N].
        log_old: Log-probability when it was drawn, [N].
        limited: Which of them were drawn from some tokens alone, [M].
        allowed: What those were drawn from, as pairs (position in `limited`, token), [pairs, 2].
        at_token, at_start, at_low: What the model made of the token before each learned one, [N, width], before each
            reply and before each action, [T, width].
    """

    ids: Tensor
    marked: Tensor
    row: Tensor
    column: Tensor
    token: Tensor
    turn: Tensor
    kind: Tensor
    log_old: Tensor
    limited: Tensor
    allowed: Tensor
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
    for number, first in texts.values():
        ids[number, : ends[number]] = first.text.ids[: ends[number]]
        if first.text.marked_ids:
            marked[number] = np.isin(ids[number], list(first.text.marked_ids))
    device = next(network.parameters()).device
    shown = torch.from_numpy(ids).to(device), torch.from_numpy(marked).to(device)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not learns_values_alone):
        hidden = network.read(*shown)
    row = torch.tensor(rows, device=device)
    start = torch.tensor([each.start - 1 for each in decisions], device=device)
    low = torch.tensor([each.low_at for each in decisions], device=device)
    tokens = _list_tokens(decisions, np.asarray(rows), device)
    return LanguageBatch(
        *shown,
        **tokens,
        at_token=hidden[tokens["row"], tokens["column"]],
        at_start=hidden[row, start],
        at_low=hidden[row, low],
    )


def _list_tokens(decisions: Sequence[LanguageDecision], rows: Any, device: torch.device) -> dict[str, Tensor]:
    learned = [(turn, each) for turn, each in enumerate(decisions) if each.is_learned]
    counts = [len(each.ids) for _, each in learned]
    turn = np.repeat([number for number, _ in learned], counts).astype(np.int64)
    limits = [only for _, each in learned for only in each.allowed or [None] * len(each.ids)]
    limited = [place for place, only in enumerate(limits) if only is not None]
    pairs = [(number, token) for number, place in enumerate(limited) for token in limits[place] or ()]
    position = [np.arange(each.start - 1, each.end - 1) for _, each in learned]
    found: dict[str, Any] = {
        "row": rows[turn],
        "column": np.concatenate(position) if position else np.zeros(0, dtype=np.int64),
        "token": np.array([token for _, each in learned for token in each.ids], dtype=np.int64),
        "turn": turn,
        "kind": np.array([ALL_KINDS.index(kind) for _, each in learned for kind in each.kinds], dtype=np.int64),
        "log_old": np.array(
            [log for _, each in learned for log in each.log_old or [0.0] * len(each.ids)], dtype=np.float32
        ),
        "limited": np.array(limited, dtype=np.int64),
        "allowed": np.array(pairs, dtype=np.int64).reshape(-1, 2),
    }
    return {name: torch.from_numpy(values).to(device) for name, values in found.items()}


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


def _limit(scores: Tensor, batch: LanguageBatch) -> Tensor:
    """Return scores with those tokens out of reach that could not be drawn."""
    if not len(batch.limited):
        return scores
    barred = torch.full((len(batch.limited), scores.shape[1]), FORBIDDEN, device=scores.device, dtype=scores.dtype)
    barred[batch.allowed[:, 0], batch.allowed[:, 1]] = 0.0
    return scores.index_add(0, batch.limited, barred)
