"""Actions that differ from admissible ones only in case."""

from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs import SubgoalWrapper, play_episode, replay, write_reply
from hiper_envs.spelling import find_spelling
from hiper_envs.vector import TextVectorEnv

HOUSE = {"admissible_actions": ["go to fridge 1", "look", "Look Up", "look up"]}
SHOP = {"admissible_actions": ["click[b0ab12cd34]", "click[buy now]"], "has_search_bar": False}


@pytest.mark.parametrize(
    ("action", "info", "spelling"),
    [
        ("Go to Fridge 1", HOUSE, "go to fridge 1"),
        ("go to fridge 1", HOUSE, None),
        ("go to fridge 2", HOUSE, None),
        ("LOOK UP", HOUSE, None),
        ("", HOUSE, None),
        ("Look", {}, None),
        ("Click[B0AB12CD34]", SHOP, "click[b0ab12cd34]"),
        ("Search[Red Shoes]", SHOP, "search[Red Shoes]"),
        ("search[Red Shoes]", SHOP, None),
        ("Search[Red Shoes]", HOUSE, None),
        ("SEARCH[]", SHOP, "search[]"),
        ("Search[Red Shoes", SHOP, None),
        ("click[nothing]", SHOP, None),
    ],
)
def test_spelling(action: str, info: dict[str, Any], spelling: str | None) -> None:
    assert find_spelling(action, info) == spelling


@given(st.text(), st.lists(st.text(), max_size=4))
def test_spelling_is_admissible_and_differs_only_in_case(action: str, admissible: list[str]) -> None:
    spelling = find_spelling(action, {"admissible_actions": admissible})
    if spelling is not None:
        assert action not in admissible and spelling in admissible
        assert spelling.strip().casefold() == action.strip().casefold()


class Shouter:
    """Walks on in capitals."""

    def __init__(self, ignores_case: Any = None) -> None:
        if ignores_case is not None:
            self.ignores_case = ignores_case

    def reset(self, seed: int) -> None: ...

    def act(self, observation: str, info: Any) -> str:
        return write_reply("FORWARD", "walk")


@pytest.mark.parametrize(
    ("option", "wish", "is_played"),
    [(False, None, False), (True, None, True), (False, True, True), (True, False, False), (False, "yes", False)],
)
def test_option_and_agent_decide_and_the_record_tells(corridor: Any, option: bool, wish: Any, is_played: bool) -> None:
    env = SubgoalWrapper(gym.wrappers.TimeLimit(corridor(), 4), ignores_case=option)
    episode = play_episode(env, Shouter(wish), task=1)
    assert (episode.success, episode.ignores_case) == (is_played, is_played)
    turn = episode.turns[0]
    assert (turn.reply, turn.action) == (write_reply("FORWARD", "walk"), "forward" if is_played else "FORWARD")
    assert "differs from an admissible one only in case: 'forward'" in turn.problems[0]
    assert turn.form == "hierarchical" and not turn.is_ill_formed and turn.faults == turn.problems
    for replaying in (SubgoalWrapper(corridor()), SubgoalWrapper(corridor(), ignores_case=True), env):
        assert replay(episode, replaying) == []
    assert play_episode(env, Shouter(), task=1).ignores_case == option


class Meddler(Shouter):
    """Empties the list that it is given."""

    def act(self, observation: str, info: Any) -> str:
        info["admissible_actions"].clear()
        return super().act(observation, info)


def test_agent_that_changes_its_list_is_read_alike(corridor: Any) -> None:
    episode = play_episode(SubgoalWrapper(gym.wrappers.TimeLimit(corridor(), 4)), Meddler(True), task=1)
    assert episode.success and replay(episode, SubgoalWrapper(corridor())) == []


def test_search_and_click_of_the_shop_are_played() -> None:
    env = SubgoalWrapper(gym.make("hiper/WebShop-v0", split="test"), ignores_case=True)
    _, info = env.reset(seed=0, options={"task": 0})
    for reply, action in (("Search[Red Shoes]", "search[Red Shoes]"), ("Click[Next >]", "click[next >]")):
        observation, *_, info = env.step(reply)
        assert info["action"] == action and f"{action!r}; it was played as that" in info["reply_problems"][-1]
    assert "Page 2" in observation


def test_vector_takes_the_option(corridor: Any) -> None:
    for ignores_case in (False, True):
        vector = TextVectorEnv(corridor, 2, subgoals=True, ignores_case=ignores_case)
        vector.reset(seed=0, options={"task": 0})
        observations, *_ = vector.step(["Forward", "forward"])
        assert observations == (f"You stand at {int(ignores_case)} of 2.", "You stand at 1 of 2.")
    with pytest.raises(ValueError, match="it needs subgoals=True"):
        TextVectorEnv(corridor, 2, ignores_case=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ignores_case": 1}, "ignores_case must be True or False, got 1"),
        ({"reply_version": 9}, "version 1 to 2, got 9"),
    ],
)
def test_bad_options_get_a_sentence(corridor: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SubgoalWrapper(corridor()).reset(options=options)
