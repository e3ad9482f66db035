"""The way to the goal, for demonstrations: it knows which product and options are wanted."""

from __future__ import annotations

from collections.abc import Mapping

from webshop_server.catalogue.goals import Goal
from webshop_server.product import Product
from webshop_server.shop.actions import make_searchable
from webshop_server.shop.pages import RESULTS_PER_PAGE
from webshop_server.shop.reward import is_match, normalise_color
from webshop_server.shop.shop import Session, Shop


def plan_purchase(shop: Shop, session: Session) -> list[str]:
    """Return the actions that buy the wanted product with the wanted options from where the session is."""
    if session.is_done:
        return []
    number = shop.catalogue.products.find(session.goal.asin)
    assert number is not None
    product = shop.catalogue.products.read(number)
    wanted = choose_options(product, session.goal)
    if session.number == number:
        way = [] if session.kind == "item" else ["click[< prev]"]
        chosen: Mapping[str, str] = session.options
    else:
        way, chosen = _turn_pages(shop, session, number) or _plan_search(shop, number, product), {}
    clicks = {(option.name, option.value): option.click for option in shop.list_options(number)[0]}
    way += [f"click[{clicks[name, value]}]" for name, value in wanted.items() if chosen.get(name) != value]
    return [*way, "click[buy now]"]


def choose_options(product: Product, goal: Goal) -> dict[str, str]:
    """Return the product's option values that the goal wants, by option name."""
    if isinstance(goal.options, Mapping):
        return {name: value for name, value in goal.options.items() if value in product.options.get(name, ())}
    chosen: dict[str, str] = {}
    for wanted in goal.options:
        offers = [(name, value) for name, values in product.options.items() if name not in chosen for value in values]
        fitting = [offer for offer in offers if is_match(normalise_color(offer[1]), normalise_color(wanted))]
        if fitting:
            name, value = next((offer for offer in fitting if offer[1] == wanted), fitting[0])
            chosen[name] = value
    return chosen


def _turn_pages(shop: Shop, session: Session, number: int) -> list[str]:
    """Return the way from the results page that is shown, if the product is among the results."""
    found = shop.find(session.keywords) if session.kind == "results" and session.keywords else ()
    if number not in found:
        return []
    num_pages = found.index(number) // RESULTS_PER_PAGE + 1 - session.page_number
    turns = ["click[next >]"] * num_pages if num_pages > 0 else ["click[< prev]"] * -num_pages
    return [*turns, f"click[{shop.catalogue.products.read(number).asin.lower()}]"]


def _plan_search(shop: Shop, number: int, product: Product) -> list[str]:
    queries = (make_searchable(product.title.lower()).strip(), f"<q> {product.query}")
    places = {
        query: found.index(number)
        for query in queries
        if query and number in (found := shop.find(tuple(query.split(" "))))
    }
    if not places:
        return []
    query = min(places, key=lambda query: places[query])
    return [
        f"search[{query}]",
        *["click[next >]"] * (places[query] // RESULTS_PER_PAGE),
        f"click[{product.asin.lower()}]",
    ]
