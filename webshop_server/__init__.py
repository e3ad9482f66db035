"""The WebShop shop: catalogue, search, goals, reward and pages."""

from webshop_server.records import RawProduct

__all__ = ["RawProduct"]
