"""A small language policy of some ten thousand random weights, saved as training saves one."""

from functools import cache
from pathlib import Path
from typing import Any

from hiper_agents.policies.language.config import LanguageConfig
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.make import save_policy
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.language.small import make_small_network
from hiper_agents.policies.language.tokens import build_tokenizer

SIZES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
FACTS = {"card": {"name": "toy", "made_by": "hiper train --config toy"}}


@cache
def make_small_tokenizer() -> Any:
    return build_tokenizer(collect_texts("alfworld", 20, 0), max_entries=900)


def make_small_policy(has_subgoals: bool = True, max_positions: int = 4096, **settings: Any) -> LanguagePolicy:
    config = LanguageConfig(**{"max_reply_tokens": 16, **settings})
    sizes = {**SIZES, "num_key_value_heads": 1, "max_position_embeddings": max_positions}
    network = make_small_network(make_small_tokenizer(), 0, **sizes)
    return LanguagePolicy(network, make_small_tokenizer(), config, has_subgoals)


def save_small(folder: Path, has_subgoals: bool = True, **settings: Any) -> Path:
    save_policy(make_small_policy(has_subgoals, **settings), folder, FACTS)
    return folder
