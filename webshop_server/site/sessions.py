"""The customers of one server: whose page is found under which key."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from random import Random

import numpy as np

from webshop_server.shop.shop import Session, Shop

MAX_SESSIONS = 10_000


class Site:
    """The sessions of one server.

    Args:
        shop: What they shop in.
        kind: Kind of goals that customers get: "synthetic" or "human".
        generator: Where goals of new customers are drawn from.
    """

    def __init__(self, shop: Shop, kind: str = "synthetic", generator: Random | None = None) -> None:
        self.shop = shop
        self.goals = shop.catalogue.goals(kind, shop.price_seed)
        self._generator = generator or Random()
        if not len(self.goals):
            raise ValueError(f"this catalogue has no {kind} goals to shop for")
        self._limits = np.cumsum(self.goals.source.list_weights(self.goals.source.list_positions("all")))
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def add(self, session: Session) -> str:
        """Take in a session and return the key by which its page is found; the oldest sessions make room."""
        key = secrets.token_urlsafe(12)
        self._sessions[key] = session
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return key

    def find(self, key: str) -> Session | None:
        """Return the session of a key, None if there is none."""
        return self._sessions.get(key)

    def open_goal(self, position: int | None = None) -> str:
        """Start a session for the goal at a position, or one drawn by weight, and return its key."""
        if position is None:
            drawn = self._generator.random() * self._limits[-1]
            position = min(int(np.searchsorted(self._limits, drawn, side="right")), len(self.goals) - 1)
        return self.add(Session(self.goals[position], self._generator.randrange(1 << 31)))
