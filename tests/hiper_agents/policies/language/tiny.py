"""A causal language model of a few thousand random weights, saved as an ordinary folder of transformers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hiper_agents.policies.language.draft import Drawn
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.language.small import make_small_network

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
TEXTS = [
    "<switch>SWITCH</switch><subgoal>find the mug</subgoal><action>go to desk 1</action>",
    "You are in the middle of a room. Looking quickly around you, you see a cabinet 1, and a desk 1.",
    "Your task is to: put a mug in desk.",
]


def make_tokenizer(chat_template: str | None = CHAT_TEMPLATE) -> PreTrainedTokenizerFast:
    """Return a tokenizer over bytes, with some words of the worlds as tokens that reach over the edges of tags."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = chat_template
    return fast


def save_tiny(folder: Path, chat_template: str | None = CHAT_TEMPLATE, **changes: int) -> Path:
    """Save a model with random weights, always the same ones."""
    tokenizer = make_tokenizer(chat_template)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"vocab_size": len(tokenizer), "max_position_embeddings": 16_384, "num_key_value_heads": 2, **changes}
    end = tokenizer.eos_token_id
    config = LlamaConfig(**sizes, eos_token_id=end, bos_token_id=None, pad_token_id=end)
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_sharp_network(tokenizer: PreTrainedTokenizerFast) -> LanguageNetwork:
    """Make a small network with values whose weights are larger than at first, so that errors would show."""
    network = make_small_network(tokenizer, 0, hidden_size=32, intermediate_size=64, num_hidden_layers=2)
    torch.nn.init.normal_(network.heads.weight, generator=torch.Generator().manual_seed(0))
    for weights in network.model.parameters():
        weights.data *= 3
    return network


def assert_same(found: Drawn, expected: Drawn) -> None:
    """Check that two replies are the same, up to rounding."""
    assert (found.ids, found.allowed, found.finish_reason, found.low_at) == (
        expected.ids,
        expected.allowed,
        expected.finish_reason,
        expected.low_at,
    )
    assert np.allclose(found.log_probabilities, expected.log_probabilities, atol=1e-4)
    assert np.allclose(found.value_before, expected.value_before, atol=1e-4)
    assert found.value_low == pytest.approx(expected.value_low, abs=1e-4)
