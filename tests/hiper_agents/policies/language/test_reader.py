"""The cache says what a fresh look says, reads nothing twice, and a seed draws the same."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.policies.language.model import LanguageModel, ModelError, load_language_model
from hiper_agents.policies.language.reader import Reader
from tests.hiper_agents.policies.language.tiny import save_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_language_model(save_tiny(tmp_path_factory.mktemp("tiny")))


def look_afresh(language: LanguageModel, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = language.model(input_ids=torch.tensor([ids])).logits[0]
    return logits.float().log_softmax(-1)


def draw(language: LanguageModel, ids: list[int], seed: int = 0, temperature: float = 1.0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return Reader(language).draw(ids, max_tokens=40, temperature=temperature, generator=generator)


def test_drawn_probabilities_are_those_of_a_fresh_look(tiny: LanguageModel) -> None:
    ids = tiny.tokenizer.encode("You are in the middle of a room.", add_special_tokens=False)
    drawn = draw(tiny, ids, temperature=0.7)
    assert len(drawn.ids) == len(drawn.log_probabilities) > 5
    fresh = look_afresh(tiny, [*ids, *drawn.ids])[len(ids) - 1 : -1]
    again = fresh[torch.arange(len(drawn.ids)), torch.tensor(drawn.ids)]
    assert torch.allclose(again, torch.tensor(drawn.log_probabilities), atol=1e-4)


@settings(max_examples=25)
@given(st.lists(st.lists(st.integers(4, 200), min_size=1, max_size=12), min_size=1, max_size=5))
def test_any_order_of_texts_is_read_right(tiny: LanguageModel, texts: list[list[int]]) -> None:
    reader = Reader(tiny)
    for ids in texts:
        assert torch.allclose(reader.read(ids), look_afresh(tiny, ids)[-1], atol=1e-4)


def test_nothing_is_read_twice(tiny: LanguageModel) -> None:
    reader = Reader(tiny)
    reader.read(range(4, 104))
    reader.read(range(4, 114))
    assert reader.num_read == 110
    reader.read([*range(4, 54), 9])  # another text from here on
    assert reader.num_read == 111


def test_a_seed_draws_the_same_and_zero_the_likeliest(tiny: LanguageModel) -> None:
    assert draw(tiny, [5, 6], seed=3) == draw(tiny, [5, 6], seed=3) != draw(tiny, [5, 6], seed=4)
    assert draw(tiny, [5, 6], seed=3, temperature=0) == draw(tiny, [5, 6], seed=4, temperature=0)


def test_replies_end_where_they_are_complete_or_too_long(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    options: Any = {"max_tokens": 7, "temperature": 0.0, "generator": torch.Generator()}
    cut = Reader(tiny).draw([5], **options)
    assert cut.finish_reason == "length" and len(cut.ids) == 7
    complete = Reader(tiny).draw([5], **options, is_complete=lambda ids: len(ids) == 3)
    assert complete.finish_reason == "stop" and complete.ids == cut.ids[:3]
    last = max(cut.ids, key=cut.ids.index)  # the token that comes latest for the first time
    monkeypatch.setattr(tiny.model.generation_config, "eos_token_id", [last])
    ended = Reader(tiny).draw([5], **options)
    assert ended.finish_reason == "stop" and ended.ids == cut.ids[: cut.ids.index(last)]


def test_too_long_a_text_is_told(tmp_path: Path) -> None:
    language = load_language_model(save_tiny(tmp_path, max_position_embeddings=16))
    with pytest.raises(ModelError, match=r"17 tokens are more than the 16 that .* can look back on: limit the prompt"):
        Reader(language).read(range(4, 21))
