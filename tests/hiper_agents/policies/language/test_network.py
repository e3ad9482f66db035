"""Networks come back as they were saved, and transformers opens what was saved."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import LanguageNetwork, load_network, save_network
from hiper_agents.policies.language.small import make_small_network
from tests.hiper_agents.policies.language.tiny import make_tokenizer, save_tiny

IDS = torch.tensor([[5, 9, 200, 7, 7]])
MARKED = torch.tensor([[0, 1, 0, 1, 1]])


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


def make(tokenizer: Any, seed: int = 0, **sizes: Any) -> LanguageNetwork:
    network = make_small_network(tokenizer, seed, **({"hidden_size": 32, "intermediate_size": 64} | sizes))
    torch.nn.init.normal_(network.heads.weight, generator=torch.Generator().manual_seed(seed))
    return network


@torch.inference_mode()
def look(network: LanguageNetwork) -> tuple[torch.Tensor, torch.Tensor]:
    hidden = network.read(IDS, MARKED)
    return network.score(hidden), network.value(hidden)


@pytest.mark.parametrize("has_marks", [True, False])
def test_a_saved_network_comes_back(tmp_path: Path, tokenizer: Any, has_marks: bool) -> None:
    network = make(tokenizer, has_marks=has_marks)
    for facts in ({"layout": "chat"}, {"layout": "compact", "step": 3}):  # the second time over the first
        assert save_network(tmp_path / "it", network, tokenizer, facts) == tmp_path / "it"
    loaded = load_network(tmp_path / "it")
    assert loaded.facts == facts and (loaded.network.marks is not None) == has_marks
    assert all(torch.equal(one, other) for one, other in zip(look(network), look(loaded.network), strict=True))
    assert loaded.tokenizer.encode("go to desk 1") == tokenizer.encode("go to desk 1")
    assert not [path for path in (tmp_path / "it").iterdir() if path.is_dir()]


def test_half_the_bits(tmp_path: Path, tokenizer: Any) -> None:
    network = make(tokenizer)
    save_network(tmp_path, network, tokenizer, {}, dtype="bfloat16")
    assert {weights.dtype for weights in network.parameters()} == {torch.float32}
    loaded = load_network(tmp_path, dtype="bfloat16").network
    assert loaded.model.dtype == torch.bfloat16 and loaded.heads.weight.dtype == torch.float32
    for name, weights in load_network(tmp_path).network.state_dict().items():
        kept = network.state_dict()[name]
        assert torch.equal(weights, kept.bfloat16().float() if name.startswith("model.") else kept)
    assert look(loaded)[0].dtype == look(loaded)[1].dtype == torch.float32


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_plain_transformers_opens_the_folder(tmp_path: Path, tokenizer: Any, dtype: str | None) -> None:
    save_network(tmp_path, make(tokenizer), tokenizer, {}, dtype)
    model, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert AutoTokenizer.from_pretrained(tmp_path).decode([5, 6]) == tokenizer.decode([5, 6])
    assert model.config.pad_token_id == tokenizer.pad_token_id


def test_any_model_has_values_of_zero(tmp_path: Path) -> None:
    network, _, facts = load_network(save_tiny(tmp_path))
    assert network.marks is None and facts == {} and not network.value(torch.ones(4, 32)).any()


def test_marks_are_functions_of_the_text(tokenizer: Any) -> None:
    network = make(tokenizer)
    embedded = network.model.get_input_embeddings()(IDS)
    before = torch.tensor([[network.pad_id, *IDS[0, :-1].tolist()]])
    assert network.marks is not None
    expected = embedded + network.marks.lex.weight[MARKED]
    expected = expected + network.model.get_input_embeddings()(before) @ network.marks.shift.weight.T
    hidden = network.model.model(inputs_embeds=expected).last_hidden_state
    assert torch.allclose(network.read(IDS, MARKED), hidden, atol=1e-5)
    assert torch.allclose(network.read(IDS, MARKED, before), hidden, atol=1e-5)
    assert torch.equal(network.read(IDS), network.read(IDS, torch.zeros_like(IDS)))
    assert not torch.allclose(network.read(IDS), network.read(IDS, MARKED))


def test_a_seed_makes_the_same_weights_and_touches_nobody_elses_chance(tokenizer: Any) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, third = (make_small_network(tokenizer, seed, hidden_size=32).state_dict() for seed in (1, 1, 2))
    assert torch.rand(1) == expected
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.lm_head.weight"], third["model.lm_head.weight"])
    assert first["model.lm_head.weight"].shape[0] == len(tokenizer)


def test_a_network_of_two_million_weights(tokenizer: Any) -> None:
    sizes = [weights.numel() for weights in make_small_network(tokenizer, 0).parameters()]
    assert 1_900_000 < sum(sizes) < 2_200_000


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"hiden_size": 32}, "unknown size 'hiden_size'; allowed: .*; did you mean 'hidden_size'"),
        ({"hidden_size": 0}, "hidden_size must be an integer from 1"),
    ],
)
def test_wrong_sizes_are_told(tokenizer: Any, sizes: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_small_network(tokenizer, 0, **sizes)


def test_wrong_folders_are_told(tmp_path: Path, tokenizer: Any) -> None:
    save_network(tmp_path, make(tokenizer), tokenizer, {})
    facts = tmp_path / "hiper.json"
    facts.write_text("[1]")
    with pytest.raises(ModelError, match=r"hiper\.json in .* must hold an object, got list"):
        load_network(tmp_path)
    facts.write_text("{")
    with pytest.raises(ModelError, match=r"what was saved beside .* cannot be read: "):
        load_network(tmp_path)
    facts.write_text(json.dumps({}))
    save_file({"heads.weight": torch.zeros(3, 8), "heads.bias": torch.zeros(3)}, tmp_path / "hiper.safetensors")
    with pytest.raises(ModelError, match="is of another model: its weights do not fit"):
        load_network(tmp_path)
    (tmp_path / "hiper.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"what was saved beside .* cannot be read: "):
        load_network(tmp_path)
    with pytest.raises(ValueError, match="did you mean 'bfloat16'"):
        save_network(tmp_path, make(tokenizer), tokenizer, {}, dtype="bfloat61")
