"""The text of a page, written straight from it: the plain form and the one that marks what can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from webshop_server.product import Product
from webshop_server.shop.pages import Page
from webshop_server.shop.reward import Reward

SEPARATOR = " [SEP] "
_PRODUCTS_REMEMBERED = 4096


class Node(NamedTuple):
    """A piece of visible text and its part in the page: "text", "button", "link" or "option"."""

    text: str
    role: str = "text"
    is_clicked: bool = False


_BACK, _PREVIOUS, _NEXT = (Node(text, "button") for text in ("Back to Search", "< Prev", "Next >"))
_ITEM_END = (
    Node("Rating: N.A."),
    *(Node(text, "button") for text in ("Description", "Features", "Reviews", "Buy Now")),
)


def write_text(page: Page) -> str:
    """Return the page's visible text, its pieces joined by " [SEP] "."""
    return join_text(list_nodes(page))


def write_rich_text(page: Page) -> str:
    """Return the page's visible text with marks around what can be clicked or has been."""
    return join_rich_text(list_nodes(page))


def join_text(nodes: list[Node]) -> str:
    """Return pieces of text joined by " [SEP] "."""
    return SEPARATOR.join([node.text.strip() for node in nodes])


def join_rich_text(nodes: list[Node]) -> str:
    """Return pieces of text, each on a line, with marks; selected options are named at the top, the last first."""
    chosen = [f"You have clicked {node.text}.\n" for node in nodes if node.role == "option" and node.is_clicked]
    return "".join(chosen[::-1]) + "".join([_mark(node) + "\n" for node in nodes])


def list_nodes(page: Page) -> list[Node]:
    """Return the pieces of text on a page, in order; pieces without text or of one line break do not show."""
    return [node for node in _LISTERS[page.kind](page) if node.text not in ("", "\n")]


def _mark(node: Node) -> str:
    if node.role == "text":
        return node.text
    start, stop = ("[clicked button]", "[clicked button_]") if node.is_clicked else ("[button]", "[button_]")
    indent = {"option": "  ", "link": "\n"}.get(node.role, "")
    return f"{indent}{start} {node.text} {stop}"


def _list_index(page: Page) -> list[Node]:
    return [Node("WebShop"), Node("Instruction: "), Node(page.instruction), Node(page.notice), Node("Search", "button")]


def _list_head(page: Page) -> list[Node]:
    return [Node("Instruction:"), Node(page.instruction), _BACK]


def _list_results(page: Page) -> list[Node]:
    nodes = [*_list_head(page), Node(f"Page {page.page_number} (Total results: {page.num_results})")]
    nodes += [_NEXT] if page.page_number <= 1 else [_PREVIOUS, _NEXT]
    for hit in page.hits:
        nodes += [Node(hit.asin, "link", hit.is_visited), Node(hit.title), Node(hit.price_tag)]
    return nodes


def _list_item(page: Page) -> list[Node]:
    assert page.product is not None
    nodes, choices = _list_product(page.product)
    if page.selected:
        nodes = list(nodes)
        for index, choice in choices:
            if choice in page.selected:
                nodes[index] = nodes[index]._replace(is_clicked=True)
    return [*_list_head(page), _PREVIOUS, *nodes]


@lru_cache(maxsize=_PRODUCTS_REMEMBERED)
def _list_product(product: Product) -> tuple[list[Node], list[tuple[int, tuple[str, str]]]]:
    """Return the pieces of an item's page that are its own, nothing selected, and which of them are what option."""
    nodes: list[Node] = []
    choices = []
    for name, values in product.options.items():
        nodes.append(Node(name))
        for value in values:
            choices.append((len(nodes), (name, value)))
            nodes.append(Node(value, "option"))
    return [*nodes, Node(product.title), Node(f"Price: {product.price_tag}"), *_ITEM_END], choices


def _list_description(page: Page) -> list[Node]:
    assert page.product is not None
    return [*_list_head(page), _PREVIOUS, Node(page.product.description)]


def _list_features(page: Page) -> list[Node]:
    assert page.product is not None
    return [*_list_head(page), _PREVIOUS, *(Node(f" {bullet}") for bullet in page.product.bullets)]


def _list_reviews(page: Page) -> list[Node]:
    return [*_list_head(page), _PREVIOUS]


def _list_done(page: Page) -> list[Node]:
    assert page.reward is not None and page.product is not None
    head = [Node("Thank you for shopping with us!"), Node("Purchased"), Node(page.product.title)]
    head += [Node(f"{name}: {value}") for name, value in sorted(page.selected)]
    score = [Node("Your score (min 0.0, max 1.0)"), Node(f"{page.reward.total:.4g}")]
    return [*head, *score, *(Node(line) for line in describe_parts(page.reward)), Node(page.notice)]


def describe_parts(reward: Reward) -> list[str]:
    """Return a line for each part of the reward, for the last page."""
    lines = [f"Type of product: {reward.r_type:.4g}", f"Attributes: {reward.r_att:.4g}"]
    if reward.r_option is not None:
        lines.append(f"Options: {reward.r_option:.4g}")
    return [*lines, f"Price within the limit: {'yes' if reward.r_price else 'no'}"]


_LISTERS: dict[str, Callable[[Page], list[Node]]] = {
    "index": _list_index,
    "results": _list_results,
    "item": _list_item,
    "description": _list_description,
    "features": _list_features,
    "reviews": _list_reviews,
    "done": _list_done,
}
