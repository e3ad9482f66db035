"""A language model made from nothing, small enough to be trained on a processor in minutes."""

from typing import Any

import torch
from torch import nn

from hiper_agents.policies.language.config import SIZES
from hiper_agents.policies.language.network import LanguageNetwork
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_integer

LEX_DEVIATION = 0.02


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
        if network.marks is not None:
            nn.init.normal_(network.marks.lex.weight, std=LEX_DEVIATION)
            nn.init.orthogonal_(network.marks.shift.weight)
    return network.eval()
