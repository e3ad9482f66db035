"""Whether a model reads texts row by row as it reads each by itself."""

import torch
from torch import Tensor

from hiper_agents.policies.language.attention import attention_over_rows, read_line
from hiper_agents.policies.language.cache import RowCache
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import LanguageNetwork

LENGTHS, PIECES = (9, 5), ((3, 4), (5, 1), (1,))
"""Two short texts, and the pieces that they are read in; at last the first alone."""
SLACK = {torch.float32: 1e-3}
COARSE_SLACK = 0.1


def check_rows(network: LanguageNetwork) -> None:
    """Refuse a model whose scores would be others than its own.

    Such are models that keep a state instead of keys and values, that change attention or scores in ways of their own
    (soft caps), or whose attention cannot be exchanged.

    Raises:
        ModelError: It is one.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            difference = _compare(network)
    except (AttributeError, TypeError, ValueError, RuntimeError, IndexError, AssertionError) as error:
        raise ModelError(f"{_name(network)} cannot be read row by row: {error}") from error
    finally:
        network.train(was_training)
    if difference > SLACK.get(network.model.dtype, COARSE_SLACK):
        raise ModelError(
            f"{_name(network)} cannot be read row by row: its scores change by {difference:.2g} of their size; it caps"
            " or scales them, or attends, in a way of its own"
        )


def _name(network: LanguageNetwork) -> str:
    return type(network.model).__name__


def _compare(network: LanguageNetwork) -> float:
    """Return by how much scores differ, as a share of the largest; 0 where the weights are no numbers."""
    size = network.model.get_input_embeddings().num_embeddings
    texts = [[(7 * number + 3) % size for number in range(length)] for length in LENGTHS]
    lines = [torch.tensor([ids], device=network.device) for ids in texts]
    own = [network.model(input_ids=line, use_cache=False).logits[0].float() for line in lines]
    decode = network.model.get_decoder()
    plain = [network.score(decode(input_ids=line, use_cache=False).last_hidden_state)[0] for line in lines]
    fresh = [network.score(network.read(line))[0] for line in lines]
    rows = _read_in_pieces(network, texts)
    pairs = [*zip(own, plain, strict=True), *zip(fresh, rows, strict=True)]
    return max(_share(one, other) for one, other in pairs)


def _share(one: Tensor, other: Tensor) -> float:
    if not bool(one.isfinite().all()):
        return 0.0
    return float((one - other).abs().max() / one.abs().max().clamp(min=1e-6))


def _read_in_pieces(network: LanguageNetwork, texts: list[list[int]]) -> list[Tensor]:
    cache = RowCache(network.device)
    for row in range(len(texts)):
        cache.empty_row(row)
    scores: list[list[Tensor]] = [[] for _ in texts]
    with attention_over_rows(network.model):
        for widths in PIECES:
            parts = [(ids, start, width) for ids, start, width in zip(texts, cache.lengths, widths, strict=False)]
            line = [token for ids, start, width in parts for token in ids[start : start + width]]
            before = [token for ids, start, width in parts for token in [network.pad_id, *ids][start : start + width]]
            hidden = read_line(network, cache, range(len(widths)), widths, line, [False] * len(line), before)
            for kept, part in zip(scores, torch.split(network.score(hidden), list(widths)), strict=False):
                kept.append(part)
    return [torch.cat(parts) for parts in scores]
