"""A language model made from nothing, small enough to be trained on a processor in minutes."""

import re
from typing import Any

import torch
from torch import nn

from hiper_agents.policies.language.config import SIZES
from hiper_agents.policies.language.network import LanguageNetwork
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_integer

LEX_DEVIATION = 0.02
_NUMBERED = re.compile("([a-z]+)\u0120(\\d+)")
"""How a byte-level vocabulary writes a name, a blank and a number."""


def make_small_network(tokenizer: Any, seed: int, *, has_marks: bool = True, **sizes: int) -> LanguageNetwork:
    """Make a Llama with random weights, some two million as it comes.

    The same arguments make the same weights, and no generator of anybody else's is touched.

    Args:
        tokenizer: Its tokenizer, of transformers; its special tokens become the model's.
        seed: Where chance comes from.
        has_marks: Whether its tokens are marked, see `TextMarks`.
        **sizes: What differs from `SIZES`, by the names of transformers' `LlamaConfig`.

    Raises:
        ValueError: There is no such size, or it is none.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    for name, size in sizes.items():
        check_integer(size, check_choice(name, SIZES, "size"), 1)
    described: dict[str, Any] = {**SIZES, **sizes, "vocab_size": len(tokenizer), "tie_word_embeddings": True}
    described |= {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = LlamaConfig(**described)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = LanguageNetwork(LlamaForCausalLM(config), has_marks)
        _compose_names(network.model.get_input_embeddings().weight, tokenizer)
        if network.marks is not None:
            nn.init.normal_(network.marks.lex.weight, std=LEX_DEVIATION)
            nn.init.orthogonal_(network.marks.shift.weight)
    return network.eval()


@torch.no_grad()
def _compose_names(weights: torch.Tensor, tokenizer: Any) -> None:
    """Let the token of a numbered name begin between its name, its number and something of its own."""
    for text, token in tokenizer.get_vocab().items():
        numbered = _NUMBERED.fullmatch(text)
        if numbered is not None:
            name, number = numbered.groups()
            words = (tokenizer.encode(word, add_special_tokens=False) for word in (name, f" {number}"))
            parts = [token, *(part for word in words for part in word)]
            weights[token] = weights[parts].sum(0) / len(parts) ** 0.5
