"""What a reply may go on with, token by token: anything, what keeps the format, or what spells an admissible action.

A guide is a generator: it yields the tokens that may come next, None for any, and is sent the one that came. Of a
single one nothing is drawn. It ends where the reply is complete.

| decoding | the reply |
|---|---|
| "free" | anything, until it holds a complete action or the model ends it |
| "format" | KEEP and no subgoal, or SWITCH and anything until `</subgoal>`; then anything until `</action>` |
| "admissible" | the same, but the action is one of the admissible ones, if there are any |

An agent without subgoals writes `<action>` and the action alone. What is given is encoded by itself, so any tokenizer
serves; a tag that is drawn may be one token, several, or part of one that reaches beyond it.
"""

from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hiper_envs.reply import parse_reply
from webshop_server.allowed_names import check_choice

DECODINGS = ("free", "format", "admissible")
OPEN_ACTION, CLOSE_ACTION, CLOSE_SUBGOAL = "<action>", "</action>", "</subgoal>"
Tokens: TypeAlias = tuple[int, ...]
Guide: TypeAlias = Generator[Tokens | None, int, None]


class Spelling:
    """How a tokenizer writes and reads tags.

    Args:
        tokenizer: Any of transformers.
        end_ids: Tokens that end a reply.

    Attributes:
        end_ids: The same.
        kept_ids: Those of them that are part of the reply: they close the action.
    """

    def __init__(self, tokenizer: Any, end_ids: frozenset[int]) -> None:
        self.tokenizer = tokenizer
        self.end_ids = end_ids
        self.spell: Callable[[str], Tokens] = lru_cache(maxsize=1 << 16)(self._spell)
        written: dict[str, int] = tokenizer.get_vocab()
        # ASCII is written as itself by byte-level and by sentence-piece vocabularies.
        self.closing_ids = frozenset(number for text, number in written.items() if ">" in text)
        self.subgoal_ids = frozenset(number for text, number in written.items() if CLOSE_SUBGOAL in text)
        self.kept_ids = frozenset(number for number in end_ids if CLOSE_ACTION in self.read((number,)))
        greedy = {number for text, number in written.items() if text.partition(OPEN_ACTION)[2]}
        self.subgoal_choice = tuple(sorted(set(written.values()) - greedy)) if greedy else None
        """What a subgoal is drawn from: no token that would begin the action too. None for everything."""

    def _spell(self, text: str) -> Tokens:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False))

    def read(self, ids: Sequence[int]) -> str:
        """Return the text of tokens."""
        text: str = self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def is_complete(self, ids: Sequence[int]) -> bool:
        """Return whether a reply holds a closed action; asked after each token, so most are passed over."""
        if ids[-1] not in self.closing_ids:
            return False
        text = self.read(ids)
        if CLOSE_ACTION not in text.lower():
            return False
        reply = parse_reply(text)
        return bool(reply.action) and reply.form != "flat"

    def find_subgoal_end(self, ids: Sequence[int]) -> int | None:
        """Return which token of a reply closes its first subgoal; None if none does."""
        first = next((number for number, token in enumerate(ids) if token in self.subgoal_ids), len(ids))
        low, high = 1, first  # the tag may have come in pieces before
        if high == 0 or not self._closes_subgoal(ids[:high]):
            return first if first < len(ids) else None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._closes_subgoal(ids[:middle]) else (middle + 1, high)
        return low - 1

    def _closes_subgoal(self, ids: Sequence[int]) -> bool:
        return any(token in self.closing_ids for token in ids) and CLOSE_SUBGOAL in self.read(ids)

    def spell_rest(self, tag: str, drawn: Sequence[int], begun: str) -> Tokens:
        """Return what is missing of a tag of which the last drawn tokens may have begun to write.

        Args:
            tag: The whole tag.
            drawn: Tokens so far.
            begun: What of their text comes after the tag before.
        """
        if begun.rstrip().endswith(tag):
            return ()
        size = next((size for size in range(len(tag), 0, -1) if begun.endswith(tag[:size])), 0)
        rest = self.spell(tag[size:])
        if self.read([*drawn, *rest]).endswith(tag):
            return rest
        return self.spell(tag)


def make_guide(decoding: str, spelling: Spelling, has_subgoals: bool) -> Callable[[Sequence[str], bool], Guide]:
    """Return what begins a guide, given the admissible actions and whether a segment has to open.

    Args:
        decoding: One of `DECODINGS`.
        spelling: The tokenizer's.
        has_subgoals: Whether replies hold a switch and a subgoal.

    Raises:
        ValueError: There is no such decoding.
    """
    check_choice(decoding, DECODINGS, "decoding")
    if decoding == "free":
        return lambda admissible, opens: _write_freely(spelling)

    def begin(admissible: Sequence[str], opens: bool) -> Guide:
        actions = admissible if decoding == "admissible" else ()
        return _write_reply(spelling, actions, has_subgoals, opens)

    return begin


def dictate(ids: Sequence[int]) -> Guide:
    """Return a guide to a reply that is given as a whole."""
    for token in ids:
        yield (token,)


def _write_freely(spelling: Spelling) -> Guide:
    drawn: list[int] = []
    while True:
        drawn.append((yield None))
        if spelling.is_complete(drawn):
            return


def _write_reply(spelling: Spelling, actions: Sequence[str], has_subgoals: bool, opens: bool) -> Guide:
    spell = spelling.spell
    if has_subgoals:
        keep = (*spell("<switch>"), *spell("KEEP"), *spell("</switch><subgoal></subgoal><action>"))
        switch = (*spell("<switch>"), *spell("SWITCH"), *spell("</switch><subgoal>"))
        begun = yield from _write_one([switch] if opens else [keep, switch])
        if begun == switch:
            drawn = yield from _write_until(spelling, CLOSE_SUBGOAL, spelling.subgoal_choice)
            rest = spelling.read(drawn).partition(CLOSE_SUBGOAL)[2]
            yield from _write_one([spelling.spell_rest(OPEN_ACTION, drawn, rest)])
    else:
        yield from _write_one([spell(OPEN_ACTION)])
    if actions:
        yield from _write_one([(*spell(action), *spell(CLOSE_ACTION)) for action in actions])
    else:
        yield from _write_until(spelling, CLOSE_ACTION, None)


def _write_one(choices: Sequence[Tokens]) -> Generator[Tokens, int, Tokens]:
    """Write one of several runs of tokens."""
    depth = 0
    while not any(len(choice) == depth for choice in choices):
        token = yield tuple(sorted({choice[depth] for choice in choices}))
        choices = [choice for choice in choices if choice[depth] == token]
        depth += 1
    return next(choice for choice in choices if len(choice) == depth)


def _write_until(
    spelling: Spelling, closing: str, allowed: Tokens | None
) -> Generator[Tokens | None, int, Sequence[int]]:
    """Write anything until a tag closes."""
    drawn: list[int] = []
    while True:
        token = yield allowed
        drawn.append(token)
        if token in spelling.closing_ids and closing in spelling.read(drawn):
            return drawn
