"""Every reply has one meaning, one form, and parts that stand where the spans say."""

import copy
import pickle
import re
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs import Reply, parse_reply, write_reply
from hiper_envs.plain_text import make_plain
from hiper_envs.reply import MAX_TAGS, NO_TAGS, REPLY_VERSION, Spans

plain = st.text(alphabet=st.characters(blacklist_characters="<>")).map(str.strip)
WHOLE = "<switch>SWITCH</switch><subgoal>find a mug</subgoal><action>go to desk 1</action>"
PIECES = (
    "<switch>", "</switch>", "<subgoal>", "</subgoal>", "<action>", "</action>", "<think>", "</think>", "<ACTION>",
    "</Think >", '<action type="x">', "<subgoal id = 3>", "<action", "<", ">", "</", "SWITCH", "KEEP", "look", " ",
    "\r\n", "\u2003", "é", "🙂", "\ud83d", "\udc00", "\x00", "```", "Action: look", "<\u017fwitch>",
)  # fmt: skip
mixed = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


def test_well_formed() -> None:
    assert parse_reply(WHOLE) == Reply("go to desk 1", "find a mug", True, ())
    assert parse_reply(WHOLE).form == "hierarchical"
    assert [WHOLE[slice(*span)] for span in parse_reply(WHOLE).spans if span] == [
        "SWITCH",
        "find a mug",
        "go to desk 1",
    ]


@given(plain, plain, st.booleans())
def test_written_replies_are_read_back(action: str, subgoal: str, switches: bool) -> None:
    written = write_reply(action, subgoal, switches)
    reply = parse_reply(written)
    expected = make_plain(action), make_plain(subgoal)
    assert reply == Reply(*expected, switches, reply.problems)
    assert reply.problems == () or action.startswith("```")
    assert reply.spans.action and written[slice(*reply.spans.action)] == action
    assert reply.spans.subgoal and written[slice(*reply.spans.subgoal)] == subgoal


@pytest.mark.parametrize(
    ("text", "expected", "num_problems"),
    [
        ("  go to desk 1 ", Reply("go to desk 1", "", False), 1),
        ("", Reply("", "", False), 1),
        ("<action>look</action>", Reply("look", "", False), 0),
        ("<switch>switch</switch><subgoal>a</subgoal><action>b</action>", Reply("b", "a", True), 0),
        ("<SWITCH>SWITCH</SWITCH><Subgoal>a</Subgoal><ACTION>b</ACTION>", Reply("b", "a", True), 0),
        ("<action>b</action><subgoal>a</subgoal><switch>SWITCH</switch>", Reply("b", "a", True), 0),
        ("<switch>MAYBE</switch><subgoal>a</subgoal><action>b</action>", Reply("b", "a", False), 1),
        ("<switch>SWITCH</switch><subgoal>a</subgoal>", Reply("", "a", True), 1),
        ("<switch>SWITCH</switch><subgoal>a</subgoal><action>b", Reply("", "a", True), 1),
        ("<switch>KEEP</switch><subgoal>a</subgoal><action>b</action><action>c</action>", Reply("b", "a", False), 1),
        (
            "thinking <switch>\nKEEP\n</switch> so <subgoal>a\nb</subgoal>\n<action> c </action>!",
            Reply("c", "a\nb", False),
            0,
        ),
        ("<action>search[<b>]</action>", Reply("search[<b>]", "", False), 0),
        ("<switch></switch><subgoal></subgoal><action></action>", Reply("", "", False), 1),
    ],
)
def test_documented_meanings(text: str, expected: Reply, num_problems: int) -> None:
    reply = parse_reply(text)
    assert reply[:3] == expected[:3]
    assert len(reply.problems) == num_problems


@pytest.mark.parametrize(
    ("text", "action", "form", "problem"),
    [
        ("look", "look", "flat", NO_TAGS),
        ("<think>Why?</think>\n\nlook", "look", "flat", NO_TAGS),
        ("search[<action figure>]", "search[<action figure>]", "flat", NO_TAGS),
        ("<action>look</action>", "look", "react", ""),
        ("<think>your thought</think><action>the command</action>", "the command", "react", ""),
        ("I looked.</think><action>look</action>", "look", "react", ""),
        ("```\n<action>look</action>\n```", "look", "react", ""),
        (WHOLE, "go to desk 1", "hierarchical", ""),
        (f"<think>a</think>{WHOLE}<think>b</think>", "go to desk 1", "hierarchical", ""),
        ("<switch>KEEP</switch><action>look</action>", "look", "ill-formed", "no complete <subgoal>"),
        ("<subgoal>a</subgoal><action>look</action>", "look", "ill-formed", "no complete <switch>"),
        ("</action><action>look</action>", "look", "ill-formed", "</action> closes nothing"),
        ("look</action>", "", "ill-formed", "no complete <action>"),
        ("<action><action>look</action></action>", "look", "ill-formed", "<action> is not closed before <action>"),
        ("<action>go <action>look</action>", "look", "ill-formed", "<action> is not closed before <action>"),
        ("<subgoal>a <action>look</action></subgoal>", "look", "ill-formed", "<subgoal> is not closed before"),
        ('<action type="x" n=2>look</action>', "look", "ill-formed", "<action> has attributes"),
        ("<action>go <think>hm</think>to desk 1</action>", "go to desk 1", "ill-formed", "a thought inside <action>"),
        ("<action><think>hm</think> look </action>", "look", "ill-formed", "a thought inside <action>"),
        ("<think>a</think><action>look</action></think>", "look", "ill-formed", "</think> closes nothing"),
        ("```\nlook\n```", "```\nlook\n```", "ill-formed", "a code fence in the action"),
        ("<action>```look```</action>", "```look```", "ill-formed", "a code fence in the action"),
        ("Thought: hm\nAction: look", "Thought: hm\nAction: look", "ill-formed", "'Action:' without tags"),
        ("", "", "ill-formed", "nothing said"),
        (" \r\n\t", "", "ill-formed", "nothing said"),
        ("<think>hm</think>", "", "ill-formed", "nothing but thoughts"),
        ("<action>look", "", "truncated", "cut off: <action> is never closed"),
        ("<action>look</action><action>", "look", "truncated", "cut off: <action> is never closed"),
        ("<action>look</act", "", "truncated", "cut off: <action> is never closed"),
        ("<switch>KEEP</switch><subgoal>a</subgoal><act", "", "truncated", "cut off: it ends inside a tag"),
        ("<switch>KEEP</switch><", "", "truncated", "cut off: it ends inside a tag"),
        ("<action>look</action><swi", "look", "truncated", "cut off: it ends inside a tag"),
        ("<think>hm</think><", "<", "truncated", "cut off: it ends inside a tag"),
        ("<think>I will look. <action>look</action>", "", "truncated", "cut off: <think> is never closed"),
        ("<action>go<think>hm</action>", "", "truncated", "cut off: <think> is never closed"),
        ("<think>hm</think><acti", "<acti", "truncated", "cut off: it ends inside a tag"),
    ],
)
def test_forms(text: str, action: str, form: str, problem: str) -> None:
    reply = parse_reply(text)
    assert (reply.action, reply.form) == (action, form)
    assert problem in " ".join(reply.problems) and bool(problem) == bool(reply.problems)


@pytest.mark.parametrize(
    "text",
    [
        "<think>perhaps <action>open fridge 1</action></think><action>look</action>",
        "<think>a</think><think><action>open fridge 1</action></think><action>look</action>",
        "<think>a <think>b</think> <action>open fridge 1</action></think><action>look</action>",
        "<think>a <think> b <action>open fridge 1</action></think><action>look</action>",
        "<action>open fridge 1</action> no:</think><action>look</action>",
        "<action>look</action><think><action>open fridge 1</action></think>",
        "<think>a <think> b</think><action>look</action><think>c</think>",
        "<THINK\n>\r\n<action>open fridge 1</action></Think><action>look</action>",
    ],
)
def test_action_in_a_thought_is_never_played(text: str) -> None:
    assert parse_reply(text).action == "look"


@given(mixed | st.text(), st.sampled_from([1, REPLY_VERSION]))
def test_any_text_has_a_meaning_that_can_be_written(text: str, version: int) -> None:
    reply = parse_reply(text, version)
    for said in (reply.action, reply.subgoal, *reply.problems):
        assert type(said) is str and said.encode().decode() == said


@given(mixed)
def test_parts_stand_where_the_spans_say(text: str) -> None:
    reply = parse_reply(text)
    written = make_plain(text)
    assert len(written) == len(text)
    for part, span in zip(("", reply.subgoal, reply.action), reply.spans, strict=True):
        if span is None:
            assert part == ""
            continue
        assert 0 <= span[0] <= span[1] <= len(text)
        inside = written[slice(*span)]
        assert inside == inside.strip()
        if span != reply.spans.switch:
            assert part == inside or "<think" in inside.lower()
            assert inside.startswith(part[:1]) and inside.endswith(part[-1:])
    if reply.spans.switch:
        word = written[slice(*reply.spans.switch)].upper()
        assert reply.switches == (word == "SWITCH") or "<THINK" in word
    else:
        assert not reply.switches
    spans = sorted(span for span in reply.spans if span)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@given(mixed, mixed, st.booleans())
def test_what_is_read_quickly_is_read_alike(subgoal: str, action: str, switches: bool) -> None:
    """A blank before the first tag changes nothing but the way it is read."""
    written = write_reply(action, subgoal, switches)
    quick, slow = parse_reply(written), parse_reply(f" {written}")
    assert (quick, quick.form) == (slow, slow.form)
    moved = [span and (span[0] - 1, span[1] - 1) for span in slow.spans]
    assert list(quick.spans) == moved


@given(mixed)
def test_form_and_problems_agree(text: str) -> None:
    reply = parse_reply(text)
    if reply.form in ("hierarchical", "react"):
        assert reply.problems == () and reply.spans.action
    if reply.form == "hierarchical":
        assert None not in reply.spans
    if reply.form == "flat":
        assert reply.problems == (NO_TAGS,) and reply.action
    if reply.form == "ill-formed":
        assert reply.problems and not any(problem.startswith("cut off") for problem in reply.problems)
    assert (reply.form == "truncated") == any(problem.startswith("cut off") for problem in reply.problems)


@given(st.integers(0, 3), st.lists(st.sampled_from([*PIECES, "<action>open</action>"]), max_size=8).map("".join))
def test_a_thought_between_the_parts_changes_nothing(place: int, thought: str) -> None:
    """Whatever the thought holds, as long as its own tags are paired."""
    thought = re.sub(r"(?i)</?think\s*>", "", thought)
    starts = [0, WHOLE.index("<subgoal>"), WHOLE.index("<action>"), len(WHOLE)]
    text = f"{WHOLE[: starts[place]]}<think>{thought}</think>{WHOLE[starts[place] :]}"
    reply = parse_reply(text)
    assert (reply, reply.form) == (parse_reply(WHOLE), "hierarchical")
    assert [text[slice(*span)] for span in reply.spans if span] == ["SWITCH", "find a mug", "go to desk 1"]


@given(st.lists(st.integers(0, 0x10FFFF).map(chr)).map("".join))
def test_what_cannot_be_written_is_replaced_in_its_place(text: str) -> None:
    written = make_plain(text)
    assert len(written) == len(text) and written.encode().decode() == written
    assert all(
        new == old if not "\ud800" <= old <= "\udfff" else new == "\ufffd"
        for old, new in zip(text, written, strict=True)
    )


class Sly(str):
    """A string that lies about itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return "lie"

    def strip(self, *characters: Any) -> str:
        raise RuntimeError("no")

    encode = __len__ = __getitem__ = __iter__ = strip  # type: ignore[assignment]


@pytest.mark.parametrize("kind", [Sly, np.str_])
@pytest.mark.parametrize("text", ["look", f"{WHOLE}\ud800"])
def test_subclass_of_a_string_is_read_as_its_text(kind: Any, text: str) -> None:
    reply = parse_reply(kind(text))
    assert (reply, reply.form, reply.spans) == (parse_reply(text), parse_reply(text).form, parse_reply(text).spans)
    assert type(reply.action) is type(reply.subgoal) is str


class Imposter:
    """Says that it is a string."""

    __class__ = str  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("make_reply", [lambda: None, lambda: 3, lambda: b"look", lambda: ["look"], Imposter])
def test_no_string_is_refused_with_a_sentence(make_reply: Any) -> None:
    with pytest.raises(TypeError, match="a reply must be a string, got"):
        parse_reply(make_reply())


def test_reply_is_a_value() -> None:
    reply = parse_reply(WHOLE)
    action, subgoal, switches, problems = reply
    assert (action, subgoal, switches, problems) == ("go to desk 1", "find a mug", True, ())
    for other in (pickle.loads(pickle.dumps(reply)), copy.deepcopy(reply)):
        assert (other, other.form, other.spans) == (reply, reply.form, reply.spans)
    assert Reply("look", "", False).spans == Spans() and Reply("look", "", False).form is None


def test_tags_after_the_thousandth_are_not_read() -> None:
    reply = parse_reply("<think></think>" * (MAX_TAGS // 2) + "<action>look</action>")
    assert (reply.form, reply.problems[0]) == ("ill-formed", f"more than {MAX_TAGS} tags: those after were not read")
    assert parse_reply("<think></think>" * (MAX_TAGS // 2 - 1) + "<action>look</action>").form == "react"


UNITS = (
    "<think>", "<action>", "</think>", "<think></think>", "<action></action>", "<action a=b>", "<action ", "<action a",
    '<action a="', "<action a= ", "<", "</", "<s", " ", "\n", "\ud800", "a\udc00", "action :", " \t\naction", "```",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_huge_replies_are_read_in_no_time(unit: str) -> None:
    """A megabyte takes some 80 ms at most; time that grew with the square of the length would be minutes."""
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    for start in ("", "<think>", "<action>"):
        parse_reply(start + text)
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("look", ("look", "", False, (NO_TAGS,))),
        ("<think><action>a</action></think><action>b</action>", ("a", "", False, 3)),
        ("<action><action>a</action></action>", ("<action>a", "", False, 2)),
        ('<action type="x">a</action>', ("", "", False, 3)),
        (WHOLE, ("go to desk 1", "find a mug", True, ())),
    ],
)
def test_earlier_version_reads_as_it_did(text: str, expected: tuple[Any, ...]) -> None:
    reply = parse_reply(text, version=1)
    problems = len(reply.problems) if isinstance(expected[3], int) else reply.problems
    assert (*reply[:3], problems) == expected and reply.form is None


@pytest.mark.parametrize("version", [0, 3, -1, "2"])
def test_unknown_version_is_refused_with_a_sentence(version: Any) -> None:
    with pytest.raises(ValueError, match="replies are read by version 1 to 2, got"):
        parse_reply("look", version)
