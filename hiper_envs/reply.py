"""The one parser of agents' replies.

A reply is `<switch>KEEP|SWITCH</switch><subgoal>...</subgoal><action>...</action>`. Every reply has one meaning and one
form, whatever stands in it:

* "hierarchical": all three parts, in any order and any case of letters. Text outside the tags is ignored.
* "react": `<action>` without any of the other two; thoughts in `<think>` or not. It keeps the open segment.
* "flat": none of the three tags. All of it but thoughts is the action.
* "truncated": it ends inside a tag, a part or a thought. What is complete counts, what is cut off does not.
* "ill-formed": anything else, by these rules:

| reply | meaning |
|---|---|
| a part is missing | a missing switch is KEEP, a missing subgoal or action is empty; an empty action is invalid |
| `<switch>` holds another word | KEEP |
| a part comes several times | its first complete pair counts |
| nested tags, `<action><action>a</action></action>` | the inner ones count: a tag ends the one that is still open |
| a closing tag that closes nothing, `</action>` first | ignored |
| attributes, `<action type="x">` | ignored |
| a code fence around the tags | text outside the tags, and well-formed |
| a code fence inside a part, or around a flat action | part of the text, which no world takes |
| nothing, blanks, nothing but thoughts | the empty action |
| `Action: look` in a line, without tags | not read: flat, the whole reply is the action |
| more than `MAX_TAGS` tags | the tags after that many are text |

Thoughts are cut before anything else is read; an action in a thought is no action. There may be any number of
them, before, between, after and inside the parts (ill-formed). A thought reaches from `<think>` to the `</think>` that
closes it, nested ones counted; where there are too few, to the next; where none follows, to the end of the reply. A
reply whose first tag of the kind is `</think>` began inside a thought, as some chat templates have it.

What was wrong stands in `Reply.problems`, a sentence each. A hierarchical and a react reply have none; a flat one has
`NO_TAGS`, for whoever meant to write tags.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice
from re import ASCII, IGNORECASE, MULTILINE, Match, compile
from typing import Literal, NamedTuple

from hiper_envs.earlier_replies import parse_earlier_reply
from hiper_envs.plain_text import plain_reply
from hiper_envs.reply_version import REPLY_VERSION, check_version

TAGS = ("switch", "subgoal", "action")
MAX_TAGS = 1000
NO_TAGS = "no tags: the whole reply was taken as the action"
_ATTRIBUTES = r"""(?:\s++[\w:.-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'|[^\s"'<>]++))*+"""
_NAMES = "|".join("".join(f"[{letter}{letter.upper()}]" for letter in name) for name in (*TAGS, "think"))
_TAG = compile(rf"<(?=[/a-zA-Z])(/?+)({_NAMES})({_ATTRIBUTES})\s*+>", ASCII)  # twice as fast as by IGNORECASE
_TAG_STARTS = tuple(f"<{slash}{name}" for name in (*TAGS, "think") for slash in ("", "/"))
_CLASSIC_ACTION = compile(r"^[ \t]*+action[ \t]*+:", IGNORECASE | ASCII | MULTILINE)
_FENCE = "```"
_WRITTEN = compile(r"<switch>(KEEP|SWITCH)</switch><subgoal>([^<]*+)</subgoal><action>([^<]*+)</action>")

Form = Literal["hierarchical", "react", "flat", "truncated", "ill-formed"]
Span = tuple[int, int]


class Spans(NamedTuple):
    """Where the three parts stand: `text[start:end]` of the reply as it was given, None for a part that is not there.

    They never overlap, and hold no tags and no blanks at the ends, so that the slice is the part; only a thought inside
    a part is in the slice and not in the part.
    """

    switch: Span | None = None
    subgoal: Span | None = None
    action: Span | None = None


class _Part(NamedTuple):
    """One of the three parts, and where it stands."""

    text: str
    span: Span | None


class ReplyParts(NamedTuple):
    """The four values of a `Reply`."""

    action: str
    subgoal: str
    switches: bool
    problems: tuple[str, ...] = ()


class Reply(ReplyParts):
    """What a reply says. Two replies that say the same are equal, wherever in their texts it stands.

    Attributes:
        action: The primitive action for the environment, stripped.
        subgoal: The declared subgoal, stripped.
        switches: Whether the agent asks for a new segment.
        problems: One sentence for each way in which the text was ill-formed.
        form: Which kind of reply it is, see the module; None for one that was not read from a text, or by version 1.
        spans: Where the parts stand in the text.
        thoughts: Where thoughts stand in it, in order, their tags included.
    """

    form: Form | None = None
    spans: Spans = Spans()
    thoughts: tuple[Span, ...] = ()

    def __new__(
        cls,
        action: str,
        subgoal: str,
        switches: bool,
        problems: tuple[str, ...] = (),
        form: Form | None = None,
        spans: Spans | None = None,
    ) -> "Reply":
        """Make a reply of its values."""
        reply = super().__new__(cls, action, subgoal, switches, problems)
        reply.form = form
        reply.spans = spans or Spans()
        return reply


def parse_reply(text: str, version: int = REPLY_VERSION) -> Reply:
    """Read an agent's whole reply, in time linear in its length.

    Args:
        text: The reply as the agent wrote it.
        version: The meaning of ill-formed replies: 2, or 1 for records from before.

    Returns:
        Its one meaning, see the module's documentation.

    Raises:
        TypeError: `text` is no string.
        ValueError: There is no such version.
    """
    text = plain_reply(text)
    check_version(version)
    if version != REPLY_VERSION:
        return Reply(*parse_earlier_reply(text))
    return _read_written(text) or _Reader(text).read()


def _read_written(text: str) -> Reply | None:
    """Read what `write_reply` writes, several times as fast as `_Reader`; None for anything that is not just so."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        return None
    word, subgoal, action = written.groups()
    if action.startswith(_FENCE) or (subgoal, action) != (subgoal.strip(), action.strip()):
        return None
    spans = Spans(*(written.span(group) for group in (1, 2, 3)))
    return Reply(action, subgoal, word == "SWITCH", (), "hierarchical", spans)


class _Reader:
    """Reads one text: first its thoughts, then the parts between the tags outside them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: dict[str, None] = {}  # in the order in which they were found, each once
        self.is_cut_off = False
        self.thoughts: list[Span] = []
        self.seen: set[str] = set()
        self.inside: dict[str, list[Span]] = {name: [] for name in TAGS}

    def read(self) -> Reply:
        """Return the one meaning of the text."""
        tags = list(islice(_TAG.finditer(self.text), MAX_TAGS + 1))
        if len(tags) > MAX_TAGS:
            self._tell(f"more than {MAX_TAGS} tags: those after were not read")
            tags.pop()
        self._find_thoughts([tag for tag in tags if tag[2].lower() == "think"])
        self._find_parts(tag for tag in tags if tag[2].lower() != "think" and not self._is_thought(tag.start()))
        return self._read_parts() if self.seen else self._read_flat()

    def _tell(self, problem: str) -> None:
        self.problems[problem] = None

    def _cut_off(self, what: str) -> None:
        self.is_cut_off = True
        self._tell(f"cut off: {what}")

    def _find_thoughts(self, tags: Sequence[Match[str]]) -> None:
        opened: list[int] = []
        found: list[Span] = []
        for tag in tags:
            if not tag[1]:
                opened.append(tag.start())
            elif opened or not found:
                found.append((opened.pop() if opened else 0, tag.end()))
            else:
                self._tell("</think> closes nothing: ignored")
        ends = [tag.end() for tag in tags if tag[1]]
        for start in opened:
            found.append((start, next((end for end in ends if end > start), len(self.text))))
        if opened and not (ends and ends[-1] > opened[-1]):
            self._cut_off("<think> is never closed")
        self.thoughts = _merge(found)

    def _is_thought(self, position: int) -> bool:
        before = bisect_right(self.thoughts, (position, len(self.text))) - 1
        return before >= 0 and position < self.thoughts[before][1]

    def _find_parts(self, tags: Iterable[Match[str]]) -> None:
        opened, start = "", 0
        for tag in tags:
            name = tag[2].lower()
            self.seen.add(name)
            if tag[3]:
                self._tell(f"<{name}> has attributes: ignored")
            if not tag[1]:
                if opened:
                    self._tell(f"<{opened}> is not closed before <{name}>: it does not count")
                opened, start = name, tag.end()
            elif opened == name:
                self.inside[name].append((start, tag.start()))
                opened = ""
            else:
                self._tell(f"</{name}> closes nothing: ignored")
        if opened:
            self._cut_off(f"<{opened}> is never closed")

    def _read_parts(self) -> Reply:
        is_react = self.seen == {"action"}
        missing = [name for name in (("action",) if is_react else TAGS) if not self.inside[name]]
        if not self.is_cut_off and (self._ends_inside_tag() or (missing and self.text.endswith("<"))):
            self._cut_off("it ends inside a tag")
        for name in missing:
            if f"cut off: <{name}> is never closed" not in self.problems:
                self._tell(f"no complete <{name}>...</{name}>")
        switch, subgoal, action = (self._read_first(name) for name in TAGS)
        word = switch.text.upper()
        if switch.span and word not in ("KEEP", "SWITCH"):
            self._tell(f"<switch> says {switch.text[:40]!r}, neither KEEP nor SWITCH: taken as KEEP")
        spans = Spans(switch.span, subgoal.span, action.span)
        form: Form = "react" if is_react else "hierarchical"
        return self._finish(form, action.text, subgoal.text, word == "SWITCH", spans=spans)

    def _read_flat(self) -> Reply:
        action = self._read(0, len(self.text))
        if not self.is_cut_off and (self._ends_inside_tag() or action.text == "<"):
            self._cut_off("it ends inside a tag")
        if not action.text and not self.is_cut_off:
            self._tell(f"{'nothing but thoughts' if self.thoughts else 'nothing said'}: the action is empty")
        elif _CLASSIC_ACTION.search(action.text):
            self._tell("'Action:' without tags is not read: the whole reply was taken as the action")
        elif not self.problems:
            self._tell(NO_TAGS)
        return self._finish("flat", action.text, spans=Spans(action=action.span))

    def _finish(self, form: Form, action: str, subgoal: str = "", switches: bool = False, *, spans: Spans) -> Reply:
        if action.startswith(_FENCE):
            self._tell("a code fence in the action: taken as part of it")
        if self.is_cut_off:
            form = "truncated"
        elif self.problems and list(self.problems) != [NO_TAGS]:
            form = "ill-formed"
        reply = Reply(action, subgoal, switches, tuple(self.problems), form, spans)
        reply.thoughts = tuple(self.thoughts)
        return reply

    def _ends_inside_tag(self) -> bool:
        end = self.text[max(0, self.text.rfind("<")) :]
        return len(end) > 1 and any(start.startswith(end.lower()) for start in _TAG_STARTS)

    def _read_first(self, name: str) -> _Part:
        if not self.inside[name]:
            return _Part("", None)
        if len(self.inside[name]) > 1:
            self._tell(f"{len(self.inside[name])} <{name}> tags: the first counts")
        start, end = self.inside[name][0]
        if any(start <= thought < end for thought, _ in self.thoughts):
            self._tell(f"a thought inside <{name}>: left out")
        return self._read(start, end)

    def _read(self, start: int, end: int) -> _Part:
        """Return what stands outside thoughts, stripped; an empty place at the end for nothing."""
        pieces: list[Span] = []
        for thought in self.thoughts:
            if start <= thought[0] < end:
                pieces.append((start, thought[0]))
                start = thought[1]
        texts = [self.text[slice(*piece)] for piece in (*pieces, (start, end))]
        filled = [piece for piece in (*pieces, (start, end)) if self.text[slice(*piece)].strip()]
        if not filled:
            return _Part("", (end, end))
        first, last = self.text[slice(*filled[0])], self.text[slice(*filled[-1])]
        span = (filled[0][1] - len(first.lstrip()), filled[-1][0] + len(last.rstrip()))
        return _Part("".join(texts).strip(), span)


def _merge(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def write_reply(action: str, subgoal: str = "", switches: bool = False) -> str:
    """Write the reply that `parse_reply` reads back.

    Args:
        action: What is done in the world.
        subgoal: What is pursued; "" for nothing in particular.
        switches: Whether the subgoal is a new one.
    """
    word = "SWITCH" if switches else "KEEP"
    return f"<switch>{word}</switch><subgoal>{subgoal}</subgoal><action>{action}</action>"
