"""Which choice each token of a reply belongs to: KEEP or SWITCH, the subgoal, the action, or none.

HiPER (arXiv 2602.16165) credits the switch to the tokens of `<switch>`, the subgoal to those of `<subgoal>` where a
segment opens, and the action to those of `<action>`. Tags, thoughts, what stands around the parts, and the copy of a
subgoal that is kept belong to none: nothing that happens depends on them.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from hiper_agents.policies.policy import Kind
from hiper_envs.reply import Reply, Span


class Decoder(Protocol):
    """What turns tokens into text: a tokenizer of transformers."""

    def decode(self, token_ids: Sequence[int], /, *, clean_up_tokenization_spaces: bool) -> str:
        """Return the text of tokens."""


def locate_tokens(tokenizer: Decoder, ids: Sequence[int]) -> list[Span]:
    """Return where each token of a reply stands in the reply's text.

    The ids are those that were drawn: encoding the text again may cut it otherwise. Of tokens that share a character,
    as bytes of one, the last has it, and the ones before stand at its place without any width.

    Args:
        tokenizer: The model's own.
        ids: The reply's tokens.

    Returns:
        One (start, end) for each token, in order and without gaps: the text is `decode(ids)`.
    """
    text = _decode(tokenizer, ids)
    ends = [_count_settled(_decode(tokenizer, ids[: number + 1]), text) for number in range(len(ids))]
    if ends:
        ends[-1] = len(text)
    spans, start = [], 0
    for end in ends:
        end = max(start, end)
        spans.append((start, end))
        start = end
    return spans


def _decode(tokenizer: Decoder, ids: Sequence[int]) -> str:
    return tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)


def _count_settled(part: str, whole: str) -> int:
    """Return how many characters the first tokens' text shares with the whole: a character cut in two is not there."""
    pairs = zip(part, whole, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(part), len(whole)))


def credit_tokens(reply: Reply, spans: Sequence[Span], *, is_boundary: bool) -> list[Kind | None]:
    """Return the choice that each token of a reply belongs to, None for those that belong to none.

    A token that reaches over the edge of a part belongs to it: it chose the part's first or last characters. One that
    reaches into two parts belongs to the one that it holds more of, of equals to the first.

    Args:
        reply: What it says, see `parse_reply`.
        spans: Where each token stands in its text, see `locate_tokens`.
        is_boundary: Whether a segment opens at this turn; else its subgoal is a copy.
    """
    parts = list(_list_parts(reply, is_boundary))
    return [_choose_part(span, parts) for span in spans]


def _list_parts(reply: Reply, is_boundary: bool) -> Iterator[tuple[Kind, Span]]:
    parts: tuple[tuple[Kind, Span | None], ...] = (
        ("switch", reply.spans.switch),
        ("subgoal", reply.spans.subgoal if is_boundary else None),
        ("action", reply.spans.action),
    )
    for kind, span in parts:
        for piece in _without(span, reply.thoughts) if span is not None else ():
            yield kind, piece


def _without(span: Span, thoughts: Sequence[Span]) -> Iterator[Span]:
    """Yield what is left of a span outside thoughts."""
    start, end = span
    for first, last in thoughts:
        if start < last and first < end:
            if start < first:
                yield start, first
            start = max(start, last)
    if start < end:
        yield start, end


def _choose_part(span: Span, parts: Sequence[tuple[Kind, Span]]) -> Kind | None:
    start, end = span[0], max(span[1], span[0] + 1)  # a token without width stands where its character stands
    shares: dict[Kind, int] = {}
    for kind, (first, last) in parts:
        shared = min(end, last) - max(start, first)
        if shared > 0:
            shares[kind] = shares.get(kind, 0) + shared
    most = max(shares.values(), default=0)
    return next((kind for kind, shared in shares.items() if shared == most), None)
