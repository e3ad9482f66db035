"""WebShop in the compact layout.

A page is its pieces of text, a line each, in small letters: the shop clicks and searches without regard to case, and
so a button stands on the page as the action that clicks it has it, behind a `[`. Left out is what the rest implies: the
instruction, which every turn repeats, and the links that every page of its kind has. A page that was shown before is
`same as turn 3`; each page begins with the number of its turn and its kind. What can be clicked and stands nowhere on
the page is listed as an action; the search for the whole instruction is not.

Of a basket the task's line has the product that is to be bought next, as if it were the only one, with what is left of
the budget as its price limit.
"""

import re
from collections.abc import Collection, Mapping, Sequence, Set

from hiper_agents.policies.language.compact_layout import CompactScript, holds_mark
from hiper_envs.webshop.reading import STOP_WORDS, Purchases, read_basket, read_purchases, read_wish
from webshop_server.shop.actions import CLICK_START, make_searchable
from webshop_server.shop.page_text import SEPARATOR

PHRASES = (
    ", and price lower than ", ".00 dollars", " dollars", " with ", ", and ", ": ", " item\n", " details\n",
    " results\npage ", " (total results: ", ")\n[", " search", " same as turn ", "\n[", "\n$", " to $", "\nprice: $",
    "click[", "search[", "]", "[< prev", "< prev", "back to search", "next >", "buy now",
)  # fmt: skip
"""What comes in most texts of this layout; a tokenizer that is made from them has a token for each."""
_HEAD = ("webshop", "instruction:")
_LINKS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "item": (("back to search", "< prev"), ("description", "features", "reviews", "buy now")),
    "results": (("back to search", "next >"), ()),
    "details": (("back to search", "< prev"), ()),
    "page": ((), ()),
}
"""Kind of page -> the links at the head and at the end of every page of its kind; a page is of the first that fits."""
_RATING = "rating: n.a."
_MAX_HEAD, _MAX_END = 7, 6
_SEARCH, _SEARCH_START = "search", "search["
_CLICKABLE = "["
_EMPTY_WORDS = "find me "
_SAME = "same as turn {}"
_WORD = re.compile("[^\\W_]+(?:['\u2019-][^\\W_]+)*")


class WebShopScript(CompactScript):
    """Writes one episode of WebShop."""

    def begin(self) -> None:
        """Read what is to be bought."""
        self._basket = read_basket(self.instruction)
        self._purchases: Purchases | None = None
        self._wanted = self.instruction if len(self._basket.texts) == 1 else self._basket.write_due()

    def read_progress(self, observation: str) -> bool:
        """Read what was bought of a basket; return whether something else is wanted since."""
        purchases = read_purchases(observation) if len(self._basket.texts) > 1 else None
        is_new = purchases is not None and purchases != self._purchases
        if is_new:
            self._purchases, self._wanted = purchases, self._basket.write_due(purchases)
        return is_new

    def forget(self) -> None:
        """Write the next pages whole."""
        self._turn_of: dict[str, int] = {}

    def write_task(self) -> str:
        """Return what is wanted in small letters, without the words that each of the shop's own wishes begins with."""
        return _simplify(self._wanted).removeprefix(_EMPTY_WORDS)

    def list_marked(self, task: str) -> str:
        """Return the words that carry meaning, each as it stands at the beginning of a line and within one."""
        words = dict.fromkeys(word for word in _WORD.findall(task) if word not in STOP_WORDS)
        return "\n".join(f"{word} {word}" for word in words)

    def list_actions(self, admissible: Sequence[str]) -> list[str]:
        """Return the admissible actions that can be said and, where one can search, two shorter queries."""
        actions = super().list_actions(admissible)
        if not any(action.startswith(_SEARCH_START) for action in admissible):
            return actions
        wish = read_wish(self._wanted)
        queries = (wish.query, make_searchable(wish.subject).strip())
        return list(dict.fromkeys([*actions, *(f"search[{query}]" for query in queries if not holds_mark(query))]))

    def write_page(self, observation: str, admissible: Sequence[str]) -> tuple[str, Sequence[str]]:
        """Return the page, or on which turn it was shown before; and the actions that it does not show."""
        targets = {target: action for action in admissible if (target := _read_target(action))}
        kind, head, end = _tell_kind(targets, admissible)
        pieces = [_simplify(piece) for piece in observation.split(SEPARATOR)]
        left = _leave_out(pieces, (*_HEAD, _simplify(self.instruction), *head), (_RATING, *end))
        lines, shown = _mark(left, targets.keys() - {*head, *end})
        body = "\n".join([kind, *lines])
        turn = self._turn_of.setdefault(body, self.turn)
        same = _SAME.format(turn)
        acts = [action for target, action in targets.items() if target not in {*shown, *head, *end}]
        return f"{self.turn} {body if turn == self.turn or len(body) <= len(same) else same}", acts


def _simplify(text: str) -> str:
    return " ".join(text.lower().split())


def _read_target(action: str) -> str:
    """Return what an action clicks, "" if it clicks nothing."""
    return action[len(CLICK_START) : -1].lower() if action.startswith(CLICK_START) and action.endswith("]") else ""


def _tell_kind(targets: Collection[str], admissible: Sequence[str]) -> tuple[str, Sequence[str], Sequence[str]]:
    """Return the kind of a page, and what stands at the head and at the end of every page of it."""
    if not targets and any(action.startswith(_SEARCH_START) for action in admissible):
        return _SEARCH, (_SEARCH,), ()
    kind = next(kind for kind, links in _LINKS.items() if all(link in targets for part in links for link in part))
    return kind, *_LINKS[kind]


def _leave_out(pieces: Sequence[str], head: Sequence[str], end: Sequence[str]) -> list[str]:
    """Return pieces without those known, each left out once, near the beginning or near the end."""
    left = list(pieces)
    for text in head:
        if text in left[:_MAX_HEAD]:
            left.remove(text)
    for text in end:
        if text in left[-_MAX_END:]:
            del left[len(left) - 1 - left[::-1].index(text)]
    return left


def _mark(pieces: Sequence[str], targets: Set[str]) -> tuple[list[str], set[str]]:
    """Return pieces as lines, behind a bracket where they can be clicked, and what can be clicked on them."""
    lines, shown, name = [], set(), ""
    for piece in pieces:
        click = next((text for text in (f"{name}: {piece}", piece) if text in targets), None)
        if click is None:
            name = piece
            lines.append(f" {piece}" if piece.startswith(_CLICKABLE) else piece)
        else:
            shown.add(click)
            lines.append(_CLICKABLE + click)
    return lines, shown
