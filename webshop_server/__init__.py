"""The WebShop shop: catalogue, search, goals, reward and pages."""

from webshop_server.catalogue import Catalogue
from webshop_server.goals import Goal
from webshop_server.records import Product, RawProduct
from webshop_server.reward import Reward, score_purchase

__all__ = ["Catalogue", "Goal", "Product", "RawProduct", "Reward", "score_purchase"]
