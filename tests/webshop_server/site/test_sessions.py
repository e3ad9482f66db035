"""A server keeps so many sessions and no more."""

import random

import pytest

from webshop_server import Catalogue
from webshop_server.shop.shop import Shop
from webshop_server.site import sessions
from webshop_server.site.sessions import Site


def test_the_oldest_sessions_make_room(small_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    site = Site(Shop(small_catalogue), generator=random.Random(0))
    keys = [site.open_goal(position) for position in range(5)]
    found = [site.find(key) for key in keys]
    assert found[:2] == [None, None]
    assert [session.goal for session in found[2:] if session] == [site.goals[position] for position in (2, 3, 4)]


def test_the_limit_is_there(small_catalogue: Catalogue) -> None:
    site = Site(Shop(small_catalogue), generator=random.Random(0))
    first = site.open_goal(0)
    session = site.find(first)
    assert session is not None
    for _ in range(sessions.MAX_SESSIONS - 1):
        site.add(session)
    assert site.find(first) is session
    site.add(session)
    assert site.find(first) is None
