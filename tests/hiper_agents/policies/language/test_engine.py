"""What the engine draws is what a fresh look at the whole text says, whoever else is drawn beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hiper_agents.policies.language.decoding import DECODINGS
from hiper_agents.policies.language.engine import Drawn, LocalEngine, Text
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import LanguageNetwork, load_network
from hiper_agents.policies.language.small import make_small_network
from tests.hiper_agents.policies.language.tiny import make_tokenizer, save_tiny

ACTIONS = ("go to desk 1", "go to desk 10", "take a mug 1", "look")
MARKED = frozenset(range(50, 120))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: Any) -> LanguageNetwork:
    network = make_small_network(tokenizer, 0, hidden_size=32, intermediate_size=64, num_hidden_layers=2)
    torch.nn.init.normal_(network.heads.weight, generator=torch.Generator().manual_seed(0))
    for weights in network.model.parameters():  # sharper than at first, so that errors would show
        weights.data *= 3
    return network


def make_texts(count: int, seed: int = 0, longest: int = 60) -> list[Text]:
    rng = np.random.default_rng(seed)
    return [Text(rng.integers(4, 200, rng.integers(1, longest)).tolist(), MARKED) for _ in range(count)]


def grow(texts: Sequence[Text], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for text in texts:
        text.ids += rng.integers(4, 200, rng.integers(0, 40)).tolist()


def draw(engine: LocalEngine, texts: Sequence[Text], seed: int | None = 0, **options: Any) -> list[Drawn]:
    options = {"temperature": 1.0, "max_tokens": 40} | options
    rng = None if seed is None else np.random.default_rng(seed)
    return engine.draw(texts, [ACTIONS] * len(texts), rng=rng, **options)


@torch.inference_mode()
def look_afresh(network: LanguageNetwork, text: Text) -> tuple[torch.Tensor, torch.Tensor]:
    marked = torch.tensor([[token in text.marked_ids for token in text.ids]])
    hidden = network.read(torch.tensor([text.ids]), marked)[0]
    return network.score(hidden), network.value(hidden)


def check_against_fresh_look(network: LanguageNetwork, text: Text, drawn: Drawn) -> None:
    scores, values = look_afresh(network, text)
    start = len(text.ids) - len(drawn.ids)
    assert tuple(text.ids[start:]) == drawn.ids
    for place, (token, log, allowed) in enumerate(
        zip(drawn.ids, drawn.log_probabilities, drawn.allowed, strict=True), start - 1
    ):
        among = list(range(scores.shape[1]) if allowed is None else allowed)
        assert scores[place, among].log_softmax(-1)[among.index(token)].item() == pytest.approx(log, abs=1e-4)
    assert np.allclose(drawn.value_before, values[start - 1], atol=1e-4)
    assert drawn.value_low == pytest.approx(values[drawn.low_at, 0].item(), abs=1e-4)


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("has_subgoals", [True, False])
def test_log_probabilities_and_values_are_those_of_a_fresh_look(
    network: LanguageNetwork, tokenizer: Any, decoding: str, has_subgoals: bool
) -> None:
    engine = LocalEngine(network, tokenizer, decoding, has_subgoals)
    texts = make_texts(9)
    for turn in range(3):
        for text, drawn in zip(texts, draw(engine, texts, turn, temperature=0.8), strict=True):
            check_against_fresh_look(network, text, drawn)
        grow(texts, turn)


def test_greedy_is_what_transformers_generates(tmp_path: Path) -> None:
    network, tokenizer, _ = load_network(save_tiny(tmp_path))
    engine = LocalEngine(network, tokenizer)
    texts = make_texts(5)
    for seed, text in enumerate(texts):
        prompt = torch.tensor([text.ids])
        made = network.model.generate(prompt, do_sample=False, max_new_tokens=20, attention_mask=prompt >= 0)
        expected = [token for token in made[0, prompt.shape[1] :].tolist() if token != tokenizer.eos_token_id]
        ours = draw(engine, [Text(text.ids)], None, max_tokens=20)[0]
        sampled = draw(engine, [Text(text.ids)], seed, max_tokens=20, temperature=0)[0]
        assert list(ours.ids) == list(sampled.ids) == expected[: len(ours.ids)]
        assert len(ours.ids) == len(expected) or engine.spelling.is_complete(ours.ids)


def test_too_long_a_text_is_told(tokenizer: Any) -> None:
    engine = LocalEngine(make_small_network(tokenizer, 0, max_position_embeddings=16), tokenizer)
    assert len(draw(engine, [Text(range(4, 16))])[0].ids) <= 4
    with pytest.raises(ModelError, match="a text of 16 tokens leaves no room for a reply within the 16"):
        draw(engine, [Text(range(4, 20))])
