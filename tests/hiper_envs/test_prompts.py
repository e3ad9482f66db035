"""Prompts say what they leave out and fit their budget."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.prompts import STYLES, PastTurn, PromptConfig, write_prompt
from hiper_envs.reply import parse_reply

INFO = {
    "instruction": "put a mug in the desk",
    "admissible_actions": ["go to desk 1", "look"],
    "segment": {"subgoal": "find a mug"},
}
HISTORY = [PastTurn(f"saw {i}", f"<action>do {i}</action>") for i in range(6)]


@pytest.mark.parametrize("style", STYLES)
def test_example_of_the_format_is_read_by_the_parser(style: Any) -> None:
    example = write_prompt("a room", INFO, config=PromptConfig(style)).system.rsplit("\n", 1)[1]
    assert parse_reply(example).action == "the command"


def test_holds_task_history_observation_and_actions() -> None:
    prompt = write_prompt("You see a room.", INFO, HISTORY)
    for piece in ("put a mug", "saw 0", "do 5", "You see a room.", "go to desk 1", "find a mug"):
        assert piece in prompt.user
    assert prompt.num_left_out == 0 and not prompt.is_cut
    assert [message["role"] for message in prompt.messages] == ["system", "user"]
    assert prompt.text == f"{prompt.system}\n\n{prompt.user}"


def test_variants() -> None:
    assert "go to desk 1" not in write_prompt("x", INFO, config=PromptConfig(lists_actions=False)).user
    assert "find a mug" not in write_prompt("x", INFO, config=PromptConfig("react")).user
    assert "website" in write_prompt("x", {**INFO, "has_search_bar": True}).system
    assert "household" in write_prompt("x", INFO).system


@pytest.mark.parametrize(("window", "shown"), [(0, 0), (2, 2), (6, 6), (9, 6), (None, 6)])
def test_window_drops_the_oldest_and_says_so(window: int | None, shown: int) -> None:
    prompt = write_prompt("x", INFO, HISTORY, PromptConfig(history_turns=window))
    assert prompt.user.count("You answered") == shown and prompt.num_left_out == 6 - shown
    assert ("left out" in prompt.user) == (shown < 6) and ("saw 5" in prompt.user) == (shown > 0)


@given(st.integers(0, 900), st.text(max_size=300), st.lists(st.text(max_size=40), max_size=20))
def test_never_longer_than_the_budget(budget: int, observation: str, actions: list[str]) -> None:
    info = {**INFO, "admissible_actions": actions}
    prompt = write_prompt(observation, info, HISTORY, PromptConfig(max_characters=budget))
    whole = write_prompt(observation, info, HISTORY, PromptConfig(max_characters=None, history_turns=None))
    assert len(prompt.user) <= budget
    assert (prompt.num_left_out > 0 or prompt.is_cut) == (len(whole.user) > budget)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"style": "hyper"}, "did you mean 'hiper'"), ({"history_turns": -1}, "history_turns must be None or a whole")],
)
def test_bad_options_get_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PromptConfig(**options)
