"""Prompts say what they leave out and fit their budget."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.prompts import STYLES, Conversation, PastTurn, Prompt, PromptConfig, write_prompt
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
    [
        ({"style": "hyper"}, "did you mean 'hiper'"),
        ({"history_turns": -1}, "history_turns must be None or a whole"),
        ({"version": 3}, "the version of prompts is 1 or 2, got 3"),
    ],
)
def test_bad_options_get_a_sentence(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PromptConfig(**options)


turn_texts = st.tuples(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=6), st.text(max_size=60))


def play(conversation: Conversation, turns: list[tuple[str, list[str], str]]) -> Iterator[Prompt]:
    for observation, actions, reply in turns:
        yield conversation.ask(observation, {**INFO, "admissible_actions": actions})
        conversation.answer(reply)


@pytest.mark.parametrize("style", STYLES)
def test_conversation_goes_on_where_it_ended(style: Any) -> None:
    turns = [(f"saw {i}", [f"go to desk {i}"], f"<action>do {i}</action>") for i in range(3)]
    prompts = list(play(Conversation(PromptConfig(style)), turns))
    assert [message["role"] for message in prompts[2].messages] == ["system", *["user", "assistant"] * 2, "user"]
    assert prompts[2].messages[1]["content"].startswith("Task: put a mug in the desk\n\n")
    assert prompts[2].messages[2]["content"] == "<action>do 0</action>"
    assert "Task:" not in prompts[2].user and prompts[2].user.endswith("You see: saw 2\n\nYou can do:\ngo to desk 2")
    assert ("Your subgoal so far: find a mug" in prompts[2].user) == (style != "react")
    assert prompts[0].system == write_prompt("x", INFO, config=PromptConfig(style)).system


@given(st.lists(turn_texts, max_size=12))
def test_each_prompt_begins_with_the_one_before(turns: list[tuple[str, list[str], str]]) -> None:
    prompts = list(play(Conversation(PromptConfig(max_characters=None)), turns))
    for before, after in pairwise(prompts):
        assert after.messages[: len(before.messages)] == before.messages
        assert after.text.startswith(before.text) and len(after.messages) == len(before.messages) + 2
    assert all(prompt.num_left_out == 0 and not prompt.is_cut for prompt in prompts)


@given(st.lists(turn_texts, max_size=12), st.integers(0, 600), st.none() | st.integers(0, 5))
def test_conversation_fits_and_says_what_it_leaves_out(
    turns: list[tuple[str, list[str], str]], budget: int, window: int | None
) -> None:
    conversation = Conversation(PromptConfig(max_characters=budget, history_turns=window))
    before = None
    for number, prompt in enumerate(play(conversation, turns)):
        said = [message["content"] for message in prompt.messages[1:]]
        assert sum(map(len, said)) <= budget and len(prompt.past) + prompt.num_left_out == number
        assert window is None or len(prompt.past) <= window
        if prompt.num_left_out and budget > 80:
            assert f"[Earlier turns left out: {prompt.num_left_out}]" in said[0]
        if before and before.num_left_out == prompt.num_left_out:
            assert prompt.messages[: len(before.messages)] == before.messages
        before = prompt


def test_older_half_goes_at_once() -> None:
    turns = [("o" * 100, [], "r" * 100) for _ in range(60)]
    prompts = list(play(Conversation(PromptConfig(max_characters=2500)), turns))
    left_out = [prompt.num_left_out for prompt in prompts]
    assert left_out[-1] > 40 and len(set(left_out)) < 12
    assert all(later - sooner in (0, 5, 6) for sooner, later in pairwise(left_out))


def test_empty_reply_stands_as_a_message() -> None:
    conversation = Conversation()
    conversation.ask("a room", INFO)
    conversation.answer("  ")
    assert conversation.ask("a room", INFO).messages[2]["content"] == "[no reply]"


def test_answer_to_nothing_is_refused() -> None:
    conversation = Conversation()
    with pytest.raises(RuntimeError, match="there is no prompt to answer"):
        conversation.answer("look")


def test_first_version_is_written_as_before() -> None:
    conversation = Conversation(PromptConfig(version=1, history_turns=2))
    prompts = list(play(conversation, [(f"saw {i}", ["look"], f"do {i}") for i in range(5)]))
    assert prompts[4].past == () and prompts[4].user == (
        "Task: put a mug in the desk\n\n[Earlier turns left out: 2]\n\nYou saw: saw 2\nYou answered: do 2\n\n"
        "You saw: saw 3\nYou answered: do 3\n\nYour subgoal so far: find a mug\nYou see: saw 4\n\nYou can do:\nlook"
    )
