"""A small language policy of some ten thousand weights, over the texts of generated ALFWorld games."""

from functools import cache
from typing import Any

from hiper_agents.policies.language.config import LanguageConfig
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.language.small import make_small_network
from hiper_agents.policies.language.tokens import build_tokenizer
from hiper_agents.training.rollout import TextEnv, make_envs

SIZES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


@cache
def make_tokenizer() -> Any:
    return build_tokenizer(collect_texts("alfworld", 60, 0))


def make_small_policy(has_subgoals: bool = True, seed: int = 0, **settings: Any) -> LanguagePolicy:
    config = LanguageConfig(**{"max_reply_tokens": 16, **settings})
    network = make_small_network(make_tokenizer(), seed, **SIZES, num_key_value_heads=1)
    return LanguagePolicy(network, make_tokenizer(), config, has_subgoals)


def make_alfworld(count: int, max_turns: int = 6) -> list[TextEnv]:
    options = {"split": "train", "games": "generated", "max_episode_steps": max_turns}
    return make_envs("hiper/ALFWorld-v0", options, count)
