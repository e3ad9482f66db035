"""Guesses spare reading one token at a time, and change nothing of what is drawn."""

from typing import Any

import numpy as np
import pytest

from hiper_agents.policies.language import engine as engine_module
from hiper_agents.policies.language.decoding import DECODINGS
from hiper_agents.policies.language.engine import Drawn, LocalEngine, Text
from hiper_agents.policies.language.guessing import MOST_GUESSES, Guesser
from hiper_agents.policies.language.network import LanguageNetwork
from tests.hiper_agents.policies.language.tiny import assert_same, make_sharp_network, make_tokenizer

ACTIONS = ("go to desk 1", "go to desk 10", "take a mug 1")
NUM_TURNS = 3


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def network(tokenizer: Any) -> LanguageNetwork:
    return make_sharp_network(tokenizer)


def play(engine: LocalEngine) -> list[Drawn]:
    rng = np.random.default_rng(0)
    texts = [Text(rng.integers(4, 200, 20 + number).tolist(), frozenset(range(5, 60))) for number in range(5)]
    found = []
    for turn in range(NUM_TURNS):
        chance = np.random.default_rng(turn)
        found += engine.draw(texts, [ACTIONS] * 5, rng=chance, temperature=0.7, max_tokens=12)
        for text in texts:
            text.ids += rng.integers(4, 200, 7).tolist()
    return found


@pytest.mark.parametrize("decoding", DECODINGS)
@pytest.mark.parametrize("kind", ["right", "half right", "wrong"])
def test_any_guesses_draw_the_same(
    network: LanguageNetwork, tokenizer: Any, decoding: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guesser, "guess", lambda self, last, most: [])
    engine = LocalEngine(network, tokenizer, decoding)
    expected = play(engine)
    num_read = engine.num_read
    rng = np.random.default_rng(3)
    replies = {each.ids[0]: each.ids for each in expected}

    def guess(self: Guesser, last: int, most: int) -> list[int]:
        known = next((each.ids for each in expected if last in each.ids), replies[min(replies)])
        right = list(known[known.index(last) + 1 if last in known else 0 :])
        right = right if kind == "right" else right[:2] if kind == "half right" else []
        return [*right, *(rng.integers(4, 200, 3).tolist() if kind != "right" else [])][: max(0, most)]

    monkeypatch.setattr(Guesser, "guess", guess)
    engine = LocalEngine(network, tokenizer, decoding)
    for one, other in zip(play(engine), expected, strict=True):
        assert_same(one, other)
    assert engine.num_read >= num_read  # the last token of a reply is read if it was guessed


def test_what_came_before_is_read_in_fewer_rounds(
    network: LanguageNetwork, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []
    read = engine_module.read_line
    monkeypatch.setattr(engine_module, "read_line", lambda *all_: rounds.append(1) or read(*all_))

    def draw() -> tuple[Drawn, int]:
        rounds.clear()
        engine, text = LocalEngine(network, tokenizer), Text(range(4, 30))
        return engine.draw([text], [ACTIONS], rng=None, temperature=1.0, max_tokens=12)[0], len(rounds)

    expected, num_rounds = draw()
    taught = Guesser()
    taught.learn(29, expected.ids)
    monkeypatch.setattr(engine_module, "Guesser", lambda: taught)
    drawn, num_fewer = draw()
    assert drawn.ids == expected.ids and num_fewer <= num_rounds / 2


def test_what_follows_mostly_is_guessed_as_long_as_it_is_likely() -> None:
    guesser = Guesser()
    assert guesser.guess(1, 9) == []
    for _ in range(3):
        guesser.learn(1, [2, 3, 4])
    guesser.learn(1, [2, 5])
    assert guesser.guess(1, 9) == [2, 3, 4] and guesser.guess(1, 2) == [2, 3] and guesser.guess(1, 0) == []
    for other in range(10, 30):
        guesser.learn(3, [other])
    assert guesser.guess(1, 9) == [2, 3]
    guesser.learn(40, [40] * 50)
    assert guesser.guess(40, 99) == [40] * MOST_GUESSES
