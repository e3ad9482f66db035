"""WebShop as a small model reads it."""

from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_agents.policies.language.compact_layout import ACTS, MARKS, REPLY, TAGS, TASK
from hiper_agents.policies.language.layout import Script, make_script
from hiper_envs.reply import parse_reply
from tests.hiper_agents.policies.language.scripts import write_episode

WISH = "Find me slim fit Tees with color: red, and price lower than 60.00 dollars"
END = f"{TASK}{WISH.lower().removeprefix('find me ')}{REPLY}"
HEAD = f"Instruction: [SEP] {WISH} [SEP] Back to Search"
HITS = "B01 [SEP] Red Tee [SEP] $5.0 [SEP] B02 [SEP] [New] Tee [SEP] $9.5"
RESULTS = f"{HEAD} [SEP] Page 1 (Total results: 2) [SEP] Next > [SEP] {HITS}"
ITEM_LINKS = ["back to search", "< prev", "description", "features", "reviews", "buy now"]
ITEM_END = "Red Tee [SEP] Price: $5.0 [SEP] Rating: N.A. [SEP] Description [SEP] Features [SEP] Reviews [SEP] Buy Now"


def clicks(*texts: str) -> list[str]:
    return [f"click[{text}]" for text in texts]


@pytest.fixture
def script() -> Script:
    script = make_script("compact", "webshop", has_subgoals=True)
    start = f"WebShop [SEP] Instruction: [SEP] {WISH} [SEP] Search"
    text = script.open(start, {"instruction": WISH, "admissible_actions": [f"search[{WISH}]"]})
    assert text == "<|begin|>0 search" + ACTS + END
    return script


def add(script: Script, observation: str, *texts: str) -> str:
    text = script.go_on("<action>click[x]</action>", observation, clicks(*texts))
    assert text is not None and text.endswith(END)
    return text.removesuffix(END)


def test_a_visit_by_hand(script: Script) -> None:
    results = add(script, RESULTS, "back to search", "next >", "b01", "b02")
    assert results == ("1 results\npage 1 (total results: 2)\n[b01\nred tee\n$5.0\n[b02\n [new] tee\n$9.5<|acts|>")
    item = f"{HEAD} [SEP] < Prev [SEP] size [SEP] Small [SEP] color [SEP] Red [SEP] {ITEM_END}"
    shown = add(script, item, *ITEM_LINKS, "small", "red")
    assert shown == "2 item\nsize\n[small\ncolor\n[red\nred tee\nprice: $5.0<|acts|>"
    details = add(script, f"{HEAD} [SEP] < Prev [SEP] Soft.\n[buy now", "back to search", "< prev")
    assert details == "3 details\nsoft. [buy now<|acts|>"
    assert add(script, item, *ITEM_LINKS, "small", "red") == "4 same as turn 2<|acts|>"
    assert add(script, f"{HEAD} [SEP] < Prev", "back to search", "< prev") == "5 details<|acts|>"
    second = RESULTS.replace("Page 1", "Page 2").replace("Next >", "< Prev [SEP] Next >")
    assert "\npage 2 (total results: 2)\n[< prev\n[b01" in add(
        script, second, "back to search", "< prev", "next >", "b01", "b02"
    )
    assert add(script, RESULTS, "back to search", "next >", "b01", "b02") == "7 same as turn 1<|acts|>"


def test_what_a_page_does_not_show_is_listed(script: Script) -> None:
    text = add(script, f"{HEAD} [SEP] < Prev [SEP] size [SEP] Red [SEP] colour [SEP] Red [SEP] {ITEM_END}",
               *ITEM_LINKS, "red", "colour: red", "blue")  # fmt: skip
    assert text == "1 item\nsize\n[red\ncolour\n[colour: red\nred tee\nprice: $5.0<|acts|>click[blue]"
    other = add(script, "Anything", "buy now", "Else")
    assert other == "2 page\nanything<|acts|>click[buy now], click[Else]"


def test_a_title_that_reads_like_a_link_stays(script: Script) -> None:
    item = f"{HEAD} [SEP] < Prev [SEP] {ITEM_END}".replace("Red Tee", "Buy Now")
    assert add(script, item, *ITEM_LINKS) == "1 item\nbuy now\nprice: $5.0<|acts|>"


def test_the_words_that_carry_meaning_are_marked(script: Script) -> None:
    assert script.marked.split("\n") == ["slim slim", "fit fit", "tees tees", "red red", "60 60", "00 00"]


def test_queries_are_among_the_actions() -> None:
    script = make_script("compact", "webshop", has_subgoals=True)
    admissible = [f"search[{WISH}]"]
    script.open("", {"instruction": WISH, "admissible_actions": admissible})
    assert script.list_actions(admissible) == [
        *admissible,
        "search[slim fit Tees with color: red color red]",
        "search[Tees]",
    ]
    assert script.list_actions(clicks("red", "<|reply|>", "a</action>b")) == clicks("red")


def test_other_observations_are_written_whole(script: Script) -> None:
    rich = "Instruction:\n\nfind\n[button] Buy Now [button_]\n  [clicked button] Red [clicked button_]\n"
    assert "[clicked button] red [clicked button_]" in add(script, rich, *ITEM_LINKS, "red")


def test_a_limit_begins_again_with_whole_pages() -> None:
    from hiper_envs.prompts import PromptConfig

    script = make_script("compact", "webshop", True, prompt=PromptConfig(max_characters=900))
    script.open("", {"instruction": "a", "admissible_actions": ["search[a]"]})
    page = "Back to Search [SEP] < Prev [SEP] " + "long text " * 20
    said = "<action>click[x]</action>"
    added = [script.go_on(said, page, clicks("back to search", "< prev")) for _ in range(20)]
    assert added[1] is not None and "same as turn 1" in added[1] and None in added
    number = added.index(None)
    script = make_script("compact", "webshop", True, prompt=PromptConfig(max_characters=900))
    script.open("", {"instruction": "a", "admissible_actions": ["search[a]"]})
    for _ in range(number + 1):
        script.go_on(said, page, clicks("back to search", "< prev"))
    assert script.reopen().startswith("<|begin|>0 search") and len(script.reopen()) <= 900
    assert script.reopen().split("</action>")[-1].startswith(f"{number + 1} details\nlong text")


@given(parts=st.lists(st.sampled_from([*MARKS, *TAGS, " [SEP] ", "<", "Buy Now", "\n", "["]) | st.text(max_size=4)))
def test_hostile_pages_begin_no_turn(parts: list[str]) -> None:
    page = "".join(parts)
    script = make_script("compact", "webshop", has_subgoals=True)
    text = script.open(page, {"instruction": page, "admissible_actions": [f"search[{page}]"]})
    text += script.go_on("", page, clicks(page, "buy now")) or ""
    marks = [mark for mark in (*MARKS, *TAGS) if mark in text]
    assert set(marks) == {"<|begin|>", ACTS, TASK, REPLY}
    assert [text.count(mark) for mark in ("<|begin|>", ACTS, TASK, REPLY)] == [1, 2, 2, 2]


def test_the_world_as_it_is() -> None:
    world = gym.make("hiper/WebShop-v0", split="train")
    for task in (3, 1500):
        script = make_script("compact", "webshop", has_subgoals=True)
        turns = write_episode(world, script, task)
        for turn in turns:
            read: Any = parse_reply(turn.said)
            assert (read.action, read.switches) == (turn.meant.action, turn.meant.switches)
            assert read.subgoal == (turn.meant.subgoal if read.switches else "")
            assert read.action in script.list_actions(turn.admissible)
        whole = "".join(turn.added + turn.said for turn in turns).removesuffix(turns[-1].said)
        assert script.reopen() == whole and "find me" not in whole
