"""Every reply has one meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs import Reply, parse_reply, write_reply

plain = st.text(alphabet=st.characters(blacklist_characters="<>")).map(str.strip)


def test_well_formed() -> None:
    text = "<switch>SWITCH</switch><subgoal>find a mug</subgoal><action>go to desk 1</action>"
    assert parse_reply(text) == Reply("go to desk 1", "find a mug", True, ())


@given(plain, plain, st.booleans())
def test_written_replies_are_read_back(action: str, subgoal: str, switches: bool) -> None:
    assert parse_reply(write_reply(action, subgoal, switches)) == Reply(action, subgoal, switches)


@pytest.mark.parametrize(
    ("text", "expected", "num_problems"),
    [
        ("  go to desk 1 ", Reply("go to desk 1", "", False), 1),
        ("", Reply("", "", False), 1),
        ("<action>look</action>", Reply("look", "", False), 2),
        ("<switch>switch</switch><subgoal>a</subgoal><action>b</action>", Reply("b", "a", True), 0),
        ("<SWITCH>SWITCH</SWITCH><Subgoal>a</Subgoal><ACTION>b</ACTION>", Reply("b", "a", True), 0),
        ("<switch>MAYBE</switch><subgoal>a</subgoal><action>b</action>", Reply("b", "a", False), 1),
        ("<switch>SWITCH</switch><subgoal>a</subgoal>", Reply("", "a", True), 1),
        ("<switch>SWITCH</switch><subgoal>a</subgoal><action>b", Reply("", "a", True), 1),
        ("<switch>KEEP</switch><subgoal>a</subgoal><action>b</action><action>c</action>", Reply("b", "a", False), 1),
        (
            "thinking <switch>\nKEEP\n</switch> so <subgoal>a\nb</subgoal>\n<action> c </action>!",
            Reply("c", "a\nb", False),
            0,
        ),
        ("<action>search[<b>]</action>", Reply("search[<b>]", "", False), 2),
        ("<switch></switch><subgoal></subgoal><action></action>", Reply("", "", False), 1),
    ],
)
def test_documented_meanings(text: str, expected: Reply, num_problems: int) -> None:
    reply = parse_reply(text)
    assert reply[:3] == expected[:3]
    assert len(reply.problems) == num_problems


@given(st.text())
def test_any_text_has_a_meaning(text: str) -> None:
    assert isinstance(parse_reply(text), Reply)


@pytest.mark.parametrize("reply", [None, 3, b"look", ["look"]])
def test_no_string_is_refused_with_a_sentence(reply: object) -> None:
    with pytest.raises(TypeError, match="a reply must be a string, got"):
        parse_reply(reply)  # type: ignore[arg-type]


def test_huge_reply_is_read_in_no_time() -> None:
    assert parse_reply("<action>" * 20_000).action == ""
