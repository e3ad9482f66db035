"""The compact layout: an episode as a short text that only grows, for small models that read nothing else.

A text is `<|begin|>` and then turn after turn: the page, `<|acts|>` the admissible actions that the page does not
imply, `<|task|>` the task's sentence once more, `<|reply|>` the reply, which ends with its `</action>`.

Marks and tags are single tokens, so a page must not hold them: whatever would be one, in any case of letters, begins
with U+2039, a single quotation mark that looks alike, in place of `<`. Nothing that a page says can end a reply or
begin a turn.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hiper_envs.plain_text import make_plain
from hiper_envs.reply import write_reply

BEGIN, PAD, ACTS, TASK, REPLY = "<|begin|>", "<|pad|>", "<|acts|>", "<|task|>", "<|reply|>"
MARKS = (PAD, BEGIN, ACTS, TASK, REPLY)
END = "</action>"
TAGS = (
    "<switch>", "</switch>", "<subgoal>", "</subgoal>", "<action>", END,
    "</switch><subgoal>", "</subgoal><action>", "</switch><subgoal></subgoal><action>",
)  # fmt: skip
"""Tags as they come in replies, the frequent runs of them at once."""
BETWEEN = ", "
MAX_PAGE_CHARACTERS = 6_000
_LEFT_OUT = "… [{} characters left out]"
_LOOKS_ALIKE = "\u2039"
_OPENS_MARK = re.compile(r"<(?=/?\|?(?:switch|subgoal|action|think|begin|pad|acts|task|reply)\b)", re.IGNORECASE)


def neutralise(text: str) -> str:
    """Return a text of the world in which no mark or tag stands, every other character as it was.

    Half a surrogate pair becomes U+FFFD, as wherever such text is kept.
    """
    text = make_plain(text)
    return _OPENS_MARK.sub(_LOOKS_ALIKE, text) if "<" in text else text


def holds_mark(text: str) -> bool:
    """Return whether a text would be read as if it held a mark or tag, so that no reply can say it as an action."""
    return "<" in text and _OPENS_MARK.search(text) is not None


class CompactScript:
    """Writes one episode of any world: the whole observation as the page, and every admissible action.

    Args:
        has_subgoals: False for a flat agent, whose replies are `<action>...</action>` alone.
        max_characters: Longest text; what is longer is begun again without the older half of its turns, but for the
            first. None for no limit.

    Attributes:
        marked: The task's sentence, see `Script`; where another goal falls due, a text with other marks begins.
        instruction: The task as the world gave it.
        turn: The number of the turn that is written, from 0.
    """

    def __init__(self, has_subgoals: bool, max_characters: int | None = None) -> None:
        self.has_subgoals = has_subgoals
        self.max_characters = max_characters
        self.marked = self.instruction = self._task = ""
        self.turn = 0
        self._turns: list[str] = []

    def open(self, observation: str, info: Mapping[str, Any], left_out: Sequence[str] = ()) -> str:
        """Return the text of the first turn, up to where its reply begins; see `Script`.

        Args:
            observation: The first observation.
            info: What came with it.
            left_out: What was observed before and is not shown.
        """
        self.instruction = str(info["instruction"])
        self.turn, self._turns = 0, []
        self.begin()
        for text in (*left_out, observation):
            self.read_progress(text)
        self._show_task()
        self.forget()
        self._turns = [BEGIN + self._write_turn(observation, info["admissible_actions"])]
        return self._turns[0]

    def go_on(self, reply: str, observation: str, admissible: Sequence[str]) -> str | None:
        """Return the text from the end of a reply to where the next begins; see `Script`.

        Args:
            reply: What was said.
            observation: What came of it.
            admissible: The actions that are admissible now.
        """
        self.turn += 1
        self._turns[-1] += reply
        marked = self.marked
        if self.read_progress(observation):
            self._show_task()
        added = self._write_turn(observation, admissible)
        if self.max_characters is None or len(added) + sum(map(len, self._turns)) <= self.max_characters:
            self._turns.append(added)
            return added if self.marked == marked else None
        self.forget()
        shown = self._turns[1 + len(self._turns) // 2 :]
        self._turns = [self._turns[0], *shown, self._write_turn(observation, admissible)]
        return None

    def reopen(self) -> str:
        """Return the whole text, up to where the next reply begins."""
        return "".join(self._turns)

    def write_reply(self, action: str, subgoal: str, switches: bool, is_open: bool) -> str:
        """Write a reply as it is to be learnt: the subgoal only where a segment opens; see `Script`.

        Args:
            action: The primitive action.
            subgoal: The subgoal that holds from this turn on.
            switches: Whether a new segment is declared.
            is_open: Whether a segment is open already; the first turn opens one in any case.
        """
        if not self.has_subgoals:
            return f"<action>{action}{END}"
        opens = switches or not is_open
        return write_reply(action, subgoal if opens else "", opens)

    def list_actions(self, admissible: Sequence[str]) -> list[str]:
        """Return the actions that a reply can say, of those that are admissible; see `Script`."""
        return [action for action in admissible if not holds_mark(action)]

    def forget(self) -> None:
        """Forget which pages were shown: an episode begins, or they are no longer there to look back on."""

    def begin(self) -> None:
        """Read the instruction: an episode begins."""

    def read_progress(self, observation: str) -> bool:
        """Read how far the episode has come; return whether `write_task` returns another sentence since."""
        return False

    def write_task(self) -> str:
        """Return the task's sentence; of several goals that are due one after the other, that of the present one."""
        return self.instruction

    def list_marked(self, task: str) -> str:
        """Return the text whose tokens are marked."""
        return task

    def write_page(self, observation: str, admissible: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return the page of a turn, and the admissible actions that it does not imply."""
        return observation.strip(), admissible

    def _show_task(self) -> None:
        self._task = neutralise(self.write_task())
        self.marked = self.list_marked(self._task)

    def _write_turn(self, observation: str, admissible: Sequence[str]) -> str:
        page, acts = self.write_page(observation, admissible)
        return f"{_cut(neutralise(page))}{ACTS}{_cut(neutralise(BETWEEN.join(acts)))}{TASK}{self._task}{REPLY}"


def _cut(text: str) -> str:
    excess = len(text) - MAX_PAGE_CHARACTERS
    return text if excess <= 0 else text[:MAX_PAGE_CHARACTERS] + _LEFT_OUT.format(excess)
