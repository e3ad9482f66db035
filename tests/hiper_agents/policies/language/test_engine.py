"""What the engine draws is what a fresh look at the whole text says, whoever else is drawn beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hiper_agents.policies.language.cache import MAX_GRIDS
from hiper_agents.policies.language.decoding import DECODINGS
from hiper_agents.policies.language.engine import Drawn, LocalEngine, Text
from hiper_agents.policies.language.marking import Marking
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import LanguageNetwork, load_network
from hiper_agents.policies.language.small import make_small_network
from tests.hiper_agents.policies.language.tiny import assert_same, make_sharp_network, make_tokenizer, save_tiny

ACTIONS = ("go to desk 1", "go to desk 10", "take a mug 1", "look")
MARKED = frozenset(range(50, 120))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: Any) -> LanguageNetwork:
    return make_sharp_network(tokenizer)


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
def look_afresh(network: LanguageNetwork, tokenizer: Any, text: Text) -> tuple[torch.Tensor, torch.Tensor]:
    ids = np.array([text.ids])
    marked = np.isin(ids, list(text.marked_ids)) & ~Marking(tokenizer).find_replies(ids)
    hidden = network.read(torch.from_numpy(ids), torch.from_numpy(marked))[0]
    return network.score(hidden), network.value(hidden)


def check_against_fresh_look(network: LanguageNetwork, tokenizer: Any, text: Text, drawn: Drawn) -> None:
    scores, values = look_afresh(network, tokenizer, text)
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
            check_against_fresh_look(network, tokenizer, text, drawn)
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


def copy_texts(texts: Sequence[Text]) -> list[Text]:
    return [Text(text.ids, text.marked_ids) for text in texts]


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_texts_in_any_company_are_drawn_as_alone(network: LanguageNetwork, tokenizer: Any, data: st.DataObject) -> None:
    engine = LocalEngine(network, tokenizer, "admissible", max_rows=data.draw(st.integers(1, 6)))
    texts = make_texts(5, seed=1)
    for turn in range(4):
        chosen = data.draw(st.lists(st.sampled_from(range(5)), unique=True))
        alone = LocalEngine(network, tokenizer, "admissible")
        expected = [draw(alone, copy_texts([texts[number]]), None, max_tokens=12)[0] for number in chosen]
        found = draw(engine, [texts[number] for number in chosen], None, max_tokens=12)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
        grow([texts[number] for number in chosen], turn)
        event = data.draw(st.sampled_from(["forget", "drop", "reopen", "nothing"]))
        number = data.draw(st.integers(0, 4))
        if event == "forget":
            engine.forget(texts[number])
        elif event == "reopen":
            texts[number] = Text(texts[number].ids[len(texts[number].ids) // 2 :], MARKED)
        elif event == "drop":
            texts[number] = make_texts(1, seed=turn)[0]


def test_nothing_is_read_twice(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer)
    texts = make_texts(4)
    for turn in range(3):
        draw(engine, texts, turn)
        grow(texts, turn)
    draw(engine, texts, 3, max_tokens=1)
    assert engine.num_read == sum(len(text.ids) - 1 for text in texts)


def test_texts_that_nobody_holds_leave_their_rows(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer, max_rows=50)
    for seed in range(4):
        draw(engine, make_texts(4, seed), max_tokens=2)
    assert len(engine._cache.lengths) == 4


def test_what_is_kept_goes_with_the_last_text(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer)
    texts = make_texts(3, longest=400)
    draw(engine, texts, max_tokens=2)
    assert engine.num_bytes > 0
    for text in texts:
        engine.forget(text)
    assert engine.num_bytes == 0
    draw(engine, make_texts(1, seed=5), max_tokens=2)
    assert len(engine._cache.lengths) == 1


def test_rows_reach_no_further_than_texts_may(tokenizer: Any) -> None:
    network = make_small_network(tokenizer, 0, hidden_size=32, intermediate_size=64, max_position_embeddings=1100)
    engine = LocalEngine(network, tokenizer)
    text = Text([5] * 1000)
    for _ in range(2):
        draw(engine, [text], max_tokens=2)
        text.ids += [5] * 40
    assert engine._cache._keys[0].shape[2] == 1280


def test_rows_that_grow_are_seldom_copied(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer)
    (text,) = make_texts(1)
    reaches = []
    for _ in range(60):
        draw(engine, [text], max_tokens=2)
        text.ids += [5] * 50
        reaches.append(engine._cache._keys[0].shape[2])
    assert len(text.ids) - 60 <= reaches[-1] < 2 * len(text.ids) and len(set(reaches)) <= 7


def test_a_seed_draws_the_same_again_and_another_one_does_not(network: LanguageNetwork, tokenizer: Any) -> None:
    found = [
        [each.ids for each in draw(LocalEngine(network, tokenizer, "format"), make_texts(4), seed)]
        for seed in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_few_tokens_at_once_and_few_rows_give_the_same(
    network: LanguageNetwork, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [*make_texts(4, longest=90), *make_texts(2, seed=1, longest=400)]
    expected = draw(LocalEngine(network, tokenizer, "format"), copy_texts(texts))
    monkeypatch.setattr("hiper_agents.policies.language.engine.MAX_TOKENS_AT_ONCE", 37)
    monkeypatch.setitem(MAX_GRIDS, "cpu", 1)
    monkeypatch.setattr("hiper_agents.policies.language.attention.MANY", 10)
    for found, each in zip(draw(LocalEngine(network, tokenizer, "format"), copy_texts(texts)), expected, strict=True):
        assert_same(found, each)
    for found, each in zip(draw(LocalEngine(network, tokenizer, "format", max_rows=2), texts), expected, strict=True):
        assert_same(found, each)


@pytest.mark.parametrize("options", [{}, {"fused": True}, {"foreach": True}])
def test_changed_weights_are_noticed(tokenizer: Any, options: dict[str, bool]) -> None:
    network = make_small_network(tokenizer, 0, hidden_size=32, intermediate_size=64)
    engine = LocalEngine(network, tokenizer)
    texts = make_texts(2)
    draw(engine, texts, max_tokens=3)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, **options)
    network.score(network.read(torch.tensor([texts[0].ids]))).square().sum().backward()
    optimiser.step()
    for text, drawn in zip(texts, draw(engine, texts), strict=True):
        check_against_fresh_look(network, tokenizer, text, drawn)


def test_training_goes_on_after_a_draw(network: LanguageNetwork, tokenizer: Any) -> None:
    network.train()
    draw(LocalEngine(network, tokenizer), make_texts(1), max_tokens=1)
    assert network.training and network.model.config._attn_implementation == "sdpa"
    network.eval()


def test_what_fails_leaves_texts_as_they_were(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_small_network(tokenizer, 0, hidden_size=32, intermediate_size=64)
    engine = LocalEngine(network, tokenizer, "format")
    texts = make_texts(3)
    before = [list(text.ids) for text in texts]
    with torch.no_grad():
        network.model.lm_head.weight[7] = float("nan")
    with pytest.raises(ModelError, match="the model's scores are no numbers: its weights have run away"):
        draw(engine, texts)
    assert [text.ids for text in texts] == before
    with torch.no_grad():
        network.model.lm_head.weight[7] = 0
    for text, drawn in zip(texts, draw(engine, texts), strict=True):
        check_against_fresh_look(network, tokenizer, text, drawn)


def test_where_a_segment_opens_there_is_no_choice(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer, "format")
    for drawn in draw(engine, make_texts(4), opens=[True] * 4):
        given = tokenizer.decode(
            [token for token, log in zip(drawn.ids, drawn.log_probabilities, strict=True) if not log]
        )
        assert given.startswith("<switch>SWITCH</switch><subgoal>")


def test_a_reply_without_choices_has_values(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer, "admissible", has_subgoals=False)
    text = make_texts(1)[0]
    (drawn,) = engine.draw([text], [["look"]], rng=None, temperature=1.0, max_tokens=40)
    assert tokenizer.decode(drawn.ids) == "<action>look</action>" and drawn.finish_reason == "stop"
    assert drawn.log_probabilities == (0.0,) * len(drawn.ids) and drawn.low_at == len(text.ids) - len(drawn.ids) - 1
    check_against_fresh_look(network, tokenizer, text, drawn)


def test_wrong_arguments_are_told(network: LanguageNetwork, tokenizer: Any) -> None:
    engine = LocalEngine(network, tokenizer)
    text = make_texts(1)[0]
    for texts, actions in (([text, text], [[], []]), ([text], [])):
        with pytest.raises(ValueError, match="draw from each text once, with one list of admissible actions"):
            engine.draw(texts, actions, rng=None, temperature=1.0, max_tokens=4)
    with pytest.raises(ValueError, match="there is no token to go on from"):
        draw(engine, [Text()])
    with pytest.raises(ValueError, match="max_tokens must be an integer from 1"):
        draw(engine, [text], max_tokens=0)
    assert draw(engine, []) == []
