"""Memory: what is read from the texts of each world, and that it is the same in every process."""

import os
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.policies.compact.alfworld_memory import ALFWorldMemory, choose_wish
from hiper_agents.policies.compact.memory import (
    ACTION_FEATURES,
    STATE_FEATURES,
    SUBGOAL_FEATURES,
    Memory,
)
from hiper_agents.policies.compact.plain_memory import PlainMemory
from hiper_agents.policies.compact.webshop_memory import WebShopMemory, match_value
from hiper_agents.policies.compact.words import hash_word, hash_words, overlap, split_words
from hiper_agents.policies.compact.worlds import open_memory
from hiper_agents.worlds import recognise_world
from hiper_envs.alfworld.reading import read_request

INTRO = (
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you see a"
    " cabinet 1, a countertop 1, a microwave 1, and a shelf 1.\n\nYour task is to: put a hot mug in cabinet."
)
ROOM = ["go to cabinet 1", "go to countertop 1", "go to microwave 1", "go to shelf 1", "look"]


def open_room() -> ALFWorldMemory:
    memory = open_memory(INTRO, {"instruction": "put a hot mug in cabinet", "admissible_actions": ROOM})
    assert isinstance(memory, ALFWorldMemory)
    return memory


class Decided(NamedTuple):
    """What a memory keeps of a decision."""

    subgoal: int
    is_boundary: bool
    command: str


def act(memory: Memory, action: str, observation: str, admissible: list[str], subgoal: int = 0) -> None:
    memory.remember(Decided(subgoal, memory.current != subgoal, action))
    memory.observe(observation, admissible)


@pytest.mark.parametrize(
    ("instruction", "object_type", "receptacle_type", "kind"),
    [
        ("put a vase in safe", "vase", "safe", "pick"),
        ("put some vase on safe.", "vase", "safe", "pick"),
        ("put a clean ladle in cabinet", "ladle", "cabinet", "clean"),
        ("clean some soapbar and put it in garbagecan.", "soapbar", "garbagecan", "clean"),
        ("put a hot plate in fridge", "plate", "fridge", "heat"),
        ("heat some tomato and put it in countertop", "tomato", "countertop", "heat"),
        ("put a cool egg in countertop", "egg", "countertop", "cool"),
        ("cool some pot and put it in sinkbasin", "pot", "sinkbasin", "cool"),
        ("put two tissuebox in garbagecan", "tissuebox", "garbagecan", "pick_two"),
        ("find two handtowel and put them in toilet", "handtowel", "toilet", "pick_two"),
        ("look at bowl under the desklamp", "bowl", "", "look_at"),
        ("examine the box with the desklamp.", "box", "", "look_at"),
    ],
)
def test_alfworld_goals(instruction: str, object_type: str, receptacle_type: str, kind: str) -> None:
    wish = choose_wish(read_request(instruction), frozenset())
    assert (wish.object_type, wish.receptacle_type, wish.kind) == (object_type, receptacle_type, kind)


def test_alfworld_memory() -> None:
    memory = open_room()
    assert list(memory.places) == ["cabinet 1", "countertop 1", "microwave 1", "shelf 1"]
    assert memory.candidates[:2] == ["find a mug", "find another mug"]
    assert "put the mug in the cabinet" in memory.candidates
    away = [action for action in ROOM if "countertop" not in action]
    seen = "You arrive at countertop 1. On the countertop 1, you see a mug 2, a mug 1, and a plate 1."
    act(memory, "go to countertop 1", seen, [*away, "take mug 1 from countertop 1"])
    assert memory.here == {"countertop 1"} and memory.places["countertop 1"].contents == {"mug 1", "mug 2", "plate 1"}
    act(memory, "take mug 1 from countertop 1", "You pick up the mug 1 from the countertop 1.", away)
    assert memory.held == "mug 1" and memory.places["countertop 1"].contents == {"mug 2", "plate 1"}
    act(memory, "go to microwave 1", "You arrive at microwave 1. The microwave 1 is closed.", ROOM, 3)
    assert memory.places["microwave 1"].is_closed and not memory.places["microwave 1"].is_read
    act(memory, "heat mug 1 with microwave 1", "You heat the mug 1 using the microwave 1.", ROOM, 3)
    assert memory.states["mug 1"] == {"heat"}
    opened = "You open the cabinet 1. The cabinet 1 is open. In it, you see nothing."
    act(memory, "open cabinet 1", opened, ROOM, 5)
    act(memory, "move mug 1 to cabinet 1", "You move the mug 1 to the cabinet 1.", ROOM, 5)
    assert memory.placed == {"mug 1": "cabinet 1"} and memory.held == ""
    act(memory, "xyzzy", "Nothing happens.", ROOM, 5)
    assert memory.has_failed


def test_alfworld_start_at_a_place() -> None:
    first = (
        "-= Welcome to TextWorld, ALFRED! =-\n\nYou are facing the shelf 1, and desk 1. Next to it, you see nothing."
        "\n\nYour task is to: put a mug in safe."
    )
    admissible = ["go to safe 1", "take mug 1 from desk 1"]
    memory = open_memory(first, {"instruction": "put a mug in safe", "admissible_actions": admissible})
    assert isinstance(memory, ALFWorldMemory)
    assert list(memory.places) == ["shelf 1", "desk 1", "safe 1"] and memory.here == {"shelf 1", "desk 1"}
    assert memory.places["desk 1"].contents == {"mug 1"}


def test_old_wording_of_alfworld() -> None:
    memory = open_room()
    act(memory, "go to shelf 1", "You arrive at shelf 1. On the shelf 1, you see a mug 1.", ROOM)
    act(memory, "take mug 1 from shelf 1", "You pick up the mug 1 from the shelf 1.", ROOM)
    act(memory, "heat mug 1 with microwave 1", "You heat the mug 1 using the microwave 1.", ROOM)
    act(memory, "put mug 1 in/on cabinet 1", "You put the mug 1 in/on the cabinet 1.", ROOM)
    assert memory.placed == {"mug 1": "cabinet 1"}


def test_a_thing_put_there_untreated_is_still_wanted() -> None:
    memory = open_room()
    act(memory, "take mug 1 from shelf 1", "You pick up the mug 1 from the shelf 1.", ROOM)
    act(memory, "move mug 1 to cabinet 1", "You move the mug 1 to the cabinet 1.", ROOM)
    assert memory.placed == {}
    act(memory, "heat mug 1 with microwave 1", "You heat the mug 1 using the microwave 1.", ROOM)
    act(memory, "cool mug 1 with fridge 1", "You cool the mug 1 using the fridge 1.", ROOM)
    act(memory, "move mug 1 to cabinet 1", "You move the mug 1 to the cabinet 1.", ROOM)
    assert memory.placed == {} and memory.states["mug 1"] == {"cool"}


INSTRUCTION = (
    "Find me slim fit men's jeans with button closure with color: blue, and size: 32, and price lower than 30.00"
    " dollars"
)
PAGES: dict[str, Any] = {
    "results": (
        f"Instruction: [SEP] {INSTRUCTION} [SEP] Back to Search [SEP] Page 1 (Total results: 2) [SEP] Next > [SEP] B01"
        " [SEP] Slim Fit Jeans for Men [SEP] $20.0 to $25.0 [SEP] B02 [SEP] Kettle [SEP] $40.0",
        ["click[back to search]", "click[next >]", "click[b01]", "click[b02]"],
    ),
    "item": (
        f"Instruction: [SEP] {INSTRUCTION} [SEP] Back to Search [SEP] < Prev [SEP] color [SEP] blue [SEP] dark red"
        " [SEP] size [SEP] 30 [SEP] 32 [SEP] Slim Fit Jeans for Men [SEP] Price: $20.0 to $25.0 [SEP] Rating: N.A."
        " [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now",
        [
            *("click[back to search]", "click[< prev]", "click[description]", "click[features]", "click[reviews]"),
            *("click[buy now]", "click[blue]", "click[dark red]", "click[30]", "click[32]"),
        ],
    ),
    "details": (
        f"Instruction: [SEP] {INSTRUCTION} [SEP] Back to Search [SEP] < Prev [SEP] Real button closure.",
        ["click[back to search]", "click[< prev]"],
    ),
}


def open_shop() -> WebShopMemory:
    first = f"WebShop [SEP] Instruction: [SEP] {INSTRUCTION} [SEP] Search"
    memory = open_memory(first, {"instruction": INSTRUCTION, "admissible_actions": [f"search[{INSTRUCTION}]"]})
    assert isinstance(memory, WebShopMemory)
    return memory


def test_webshop_memory() -> None:
    memory = open_shop()
    assert memory.wish.options == (("color", "blue"), ("size", "32"))
    assert len(memory.actions) == 3 and all(action.startswith("search[") for action in memory.actions)
    act(memory, memory.actions[1], *PAGES["results"])
    assert memory.kind == "results" and memory.links == ["b01", "b02"]
    act(memory, "click[b01]", *PAGES["item"], 1)
    assert memory.product.visits == 1 and memory._count_open() == 2
    before = memory._rate(memory.product)
    act(memory, "click[features]", *PAGES["details"], 2)
    assert memory.product.details == {"features": "Real button closure."}
    act(memory, "click[< prev]", *PAGES["item"], 2)
    assert memory._rate(memory.product) > before
    act(memory, "click[blue]", *PAGES["item"], 3)
    assert memory.product.clicked == {"color": "blue"} and memory._count_open() == 1
    act(memory, "click[< prev]", *PAGES["results"], 1)
    assert memory.products["b01"].clicked == {} and memory.products["b02"].visits == 0


def test_option_values() -> None:
    assert match_value("blue", "blue") == 1.0
    assert 0.4 < match_value("dark blue", "blue") < 1.0
    assert match_value("red", "blue") == 0.0
    assert match_value("blue", "i want a pair of slim jeans in blue for my brother") == 1.0
    assert match_value("", "blue") == 0.0


def test_plain_memory_splits_the_instruction() -> None:
    info = {"instruction": "take the key, then open the chest and leave", "admissible_actions": ["take the key"]}
    memory = open_memory("A room.", info)
    assert isinstance(memory, PlainMemory)
    assert memory.candidates == ["take the key", "open the chest", "leave"]
    flat = open_memory("A room.", info, has_subgoals=False)
    assert flat.candidates == [info["instruction"]] and not flat.features().subgoals.any()


@pytest.mark.parametrize("has_subgoals", [True, False])
def test_features_fit_and_are_finite(has_subgoals: bool) -> None:
    room = open_memory(INTRO, {"instruction": "put a hot mug in cabinet", "admissible_actions": ROOM}, has_subgoals)
    shop = open_shop()
    act(shop, shop.actions[0], *PAGES["results"])
    act(shop, "click[b01]", *PAGES["item"])
    for memory in (room, shop):
        features = memory.features()
        assert features.state.shape == (STATE_FEATURES,) and features.subgoals.shape[1] == SUBGOAL_FEATURES
        actions = memory.action_features(memory.candidates[0])
        assert actions.features.shape == (len(memory.actions), ACTION_FEATURES)
        for array in (features.state, features.subgoals, actions.features):
            assert np.isfinite(array).all() and np.abs(array).max() <= 2.0


@given(st.text(max_size=300), st.lists(st.text(max_size=20), min_size=1, max_size=5), st.text(max_size=80))
def test_any_text_can_be_noted(observation: str, admissible: list[str], instruction: str) -> None:
    info = {"instruction": instruction, "admissible_actions": admissible}
    memory = PlainMemory(instruction, observation, admissible)
    act(memory, admissible[0], observation, admissible)
    assert np.isfinite(memory.features().state).all()
    assert recognise_world(observation, info) in ("alfworld", "webshop", "plain")
    room = ALFWorldMemory(instruction, observation, admissible)
    act(room, admissible[0], observation, admissible)
    assert len(room.action_features(room.candidates[0]).features) == len(admissible)


def test_words() -> None:
    assert split_words("Slim-Fit jeans, $20.50") == ("slim", "fit", "jeans", "20.50")
    assert overlap(("a", "b"), {"b"}) == 0.5 and overlap((), {"b"}) == 0.0
    assert hash_words(("mug",), 3)[1:] == (0, 0) and hash_words(("mug",) * 9, 3) == (hash_word("mug"),) * 3


def test_hashes_are_the_same_in_every_process() -> None:
    script = "from hiper_agents.policies.compact.words import hash_words; print(hash_words(('mug', 'desk'), 2))"
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        out = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert out.stdout.strip() == str(hash_words(("mug", "desk"), 2))


@pytest.mark.parametrize(
    ("env_id", "instruction", "actions", "limit"),
    [
        ("room", "do all of these: put a mug in desk; put a pen in bed", ["look"], 100),
        ("room", "put a mug in desk", ["look"], 50),
        ("shop", "Buy 2 products one after the other: (1) Find me mugs; (2) Find me cups", ["search[mugs]"], 30),
        ("shop", "Find me mugs", ["search[mugs]"], 15),
    ],
)
def test_turns_are_counted_by_what_several_goals_have(
    env_id: str, instruction: str, actions: list[str], limit: int
) -> None:
    first = "Your task is to: x." if env_id == "room" else "WebShop"
    memory: Any = open_memory(first, {"instruction": instruction, "admissible_actions": actions})
    before = memory.features().state
    act(memory, actions[0], first, actions)
    changed = np.abs(memory.features().state - before)
    assert memory.max_turns == limit and np.isclose(changed, 1 / limit).any()
    for _ in range(limit - 1):
        act(memory, actions[0], first, actions)
    assert np.abs(memory.features().state).max() <= 1.0


def test_a_purchase_of_a_basket_makes_the_shops_memory_go_on() -> None:
    instruction = "Buy 2 products one after the other: (1) Find me mugs; (2) Find me cups"
    instruction += ", with a total price lower than 9.00 dollars"
    first = f"WebShop [SEP] Instruction: [SEP] {instruction} [SEP] Search"
    memory: Any = open_memory(first, {"instruction": instruction, "admissible_actions": ["search[Find me mugs]"]})
    assert memory.wish.subject == "mugs" and memory.wish.price_limit == 9.0
    act(memory, memory.actions[0], *PAGES["results"])
    act(memory, "click[b01]", *PAGES["item"])
    told = "Bought 1 of 2: (1) Mug for 3.00 dollars. Left of the budget: 6.00 dollars."
    act(
        memory,
        "click[buy now]",
        f"WebShop [SEP] Instruction: [SEP] {instruction} [SEP] {told} [SEP] Search",
        ["search[Find me cups]"],
    )
    assert memory.wish.subject == "cups" and memory.wish.price_limit == 6.0 and memory.products == {}
