"""Models are read row by row as they read themselves, or refused with a sentence."""

from typing import Any

import pytest
import torch
import transformers

from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import LanguageNetwork
from hiper_agents.policies.language.row_check import check_rows

SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
SIZES |= {"vocab_size": 100, "num_key_value_heads": 2, "pad_token_id": 0}


def make(name: str, **sizes: Any) -> LanguageNetwork:
    config = getattr(transformers, f"{name}Config")(**(SIZES | sizes))
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}{'LMHeadModel' if name == 'GPT2' else 'ForCausalLM'}")(config)
    return LanguageNetwork(model)


@pytest.mark.parametrize("name", ["Llama", "Qwen2", "Qwen3", "Mistral", "GPT2", "GPTNeoX"])
def test_ordinary_models_are_read(name: str) -> None:
    network = make(name, **({"eos_token_id": 1, "bos_token_id": 1} if name.startswith("GPT") else {}))
    check_rows(network)
    assert network.training


@pytest.mark.parametrize(
    ("name", "sizes"), [("Gemma2", {"final_logit_softcapping": 0.1}), ("Granite", {"logits_scaling": 4.0})]
)
def test_models_that_change_their_scores_are_refused(name: str, sizes: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=f"{name}ForCausalLM cannot be read row by row: its scores change by"):
        check_rows(make(name, **sizes))


def test_models_without_keys_are_refused() -> None:
    with pytest.raises(ModelError, match="BloomForCausalLM cannot be read row by row: "):
        check_rows(make("Bloom", n_head=4, n_layer=2))


def test_texts_end_where_layers_look_back_least() -> None:
    assert make("Mistral", sliding_window=50).max_positions == 50
    assert make("Qwen2", sliding_window=50, max_position_embeddings=200).max_positions == 200
    assert make("Qwen2", sliding_window=50, use_sliding_window=True, max_window_layers=1).max_positions == 50
