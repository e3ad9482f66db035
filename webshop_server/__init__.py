"""The WebShop shop: catalogue, search, goals, reward and pages."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webshop_server.catalogue.catalogue import Catalogue
    from webshop_server.catalogue.goals import Goal
    from webshop_server.product import Product, RawProduct
    from webshop_server.shop.reward import Reward, score_purchase

__all__ = ["Catalogue", "Goal", "Product", "RawProduct", "Reward", "score_purchase"]

_HOMES = {
    "Catalogue": "catalogue.catalogue",
    "Goal": "catalogue.goals",
    "Product": "product",
    "RawProduct": "product",
    "Reward": "shop.reward",
    "score_purchase": "shop.reward",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that small modules of this package stay cheap to import."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
