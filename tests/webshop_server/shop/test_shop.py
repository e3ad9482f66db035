"""The site against recorded episodes and quirks, each fix by name, and hostile actions."""

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.products import make_raw
from webshop_server import Catalogue
from webshop_server.shop.actions import parse_action, parse_click
from webshop_server.shop.page_text import list_nodes, write_rich_text, write_text
from webshop_server.shop.plan import plan_purchase
from webshop_server.shop.shop import Session, Shop
from webshop_server.site.page_html import write_html
from webshop_server.site.page_reader import read_nodes

FIXED_QUIRKS = {
    "r_random": "the original draws again on each page turn",
    "a_crash": "the original crashes",
    "c_alone": "the original crashes",
    "kw_search_results": "the original finds the kind of page in the address",
}
UNMARKED_QUIRKS = {"opt_nonascii", "opt_double_quote"}
COMPAT_QUIRKS = {*UNMARKED_QUIRKS, "kw_search_results"}


def replay(shop: Shop, record: dict[str, Any], kind: str, compares_rich: bool = True) -> None:
    """Play a recorded episode up to its end and compare every page."""
    session = Session(shop.catalogue.goals(kind)[record["goal_idx"]])
    assert f"Instruction: {session.goal.instruction}" == record.get("instruction_text", "").strip() or "name" in record
    compare(shop, session, record["reset"], compares_rich)
    for step in record["steps"]:
        if not isinstance(step["action"], str):
            continue
        shop.act(session, step["action"])
        assert session.is_done == bool(step["done"])
        if session.reward:
            assert session.reward.total == step["reward"]
            if record["steps"][-1] is step:
                assert session.reward.list_parts() == record["verbose_info"]
            return
        compare(shop, session, step, compares_rich)


def compare(shop: Shop, session: Session, recorded: dict[str, Any], compares_rich: bool) -> None:
    page = shop.show(session)
    assert write_text(page) == recorded["observations"]["text"]
    if compares_rich:
        assert write_rich_text(page) == recorded["observations"]["text_rich"]
    assert list(page.clickables) == recorded["available"]["clickables"]
    assert page.has_search_bar == recorded["available"]["has_search_bar"]


def test_recorded_episodes(real_catalogue: Catalogue, read_gold: Any) -> None:
    for record in read_gold("episodes.jsonl.gz"):
        replay(Shop(real_catalogue), record, "synthetic")
    for record in read_gold("episodes_human_goals.jsonl.gz"):
        replay(Shop(real_catalogue), record, "human")


def test_recorded_quirks_are_copied(real_catalogue: Catalogue, read_gold: Any) -> None:
    for record in read_gold("quirks.jsonl.gz"):
        if record["name"] not in FIXED_QUIRKS:
            replay(Shop(real_catalogue), record, "synthetic", record["name"] not in UNMARKED_QUIRKS)


def test_recorded_faults_in_the_original_mode(real_catalogue: Catalogue, read_gold: Any) -> None:
    for record in read_gold("quirks.jsonl.gz"):
        if record["name"] in COMPAT_QUIRKS or record["name"] not in FIXED_QUIRKS:
            replay(Shop(real_catalogue, compat="original"), record, "synthetic")


def open_mug(shop: Shop, *actions: str) -> Session:
    """A session on the first mug's page, after further actions."""
    session = Session(shop.catalogue.goals()[0])
    for action in ("search[harbour]", "click[b000000000]", *actions):
        assert shop.act(session, action), action
    return session


def test_quoted_and_foreign_values_are_marked() -> None:
    options = {"Size": [{"value": '28" x 28"'}, {"value": "größe"}]}
    shop = Shop(Catalogue.from_raw([make_raw("B000000000", customization_options=options)]))
    for value in ('28" x 28"', "größe"):
        text = write_rich_text(shop.show(open_mug(shop, f"click[{value}]")))
        assert text.startswith(f"You have clicked {value}.\n")
        assert f"  [clicked button] {value} [clicked button_]\n" in text


@pytest.fixture(scope="module")
def doubled() -> Catalogue:
    """A mug whose groups share a value, and have values that read like buttons."""
    options = {
        "Cup": [{"value": "black"}, {"value": "description"}],
        "Lid": [{"value": "black"}, {"value": "search"}, {"value": "black"}],
    }
    return Catalogue.from_raw([make_raw("B000000000", customization_options=options)])


def test_equal_values_in_two_groups(doubled: Catalogue) -> None:
    shop = Shop(doubled)
    page = shop.show(open_mug(shop))
    assert page.clickables[6:] == ("black", "cup: description", "lid: black", "lid: search")
    session = open_mug(shop, "click[black]", "click[lid: black]", "click[cup: description]", "click[lid: search]")
    assert session.options == {"cup": "description", "lid": "search"}
    assert open_mug(shop, "click[black]").options == {"cup": "black"}
    assert open_mug(shop, "click[description]").kind == "description"


def test_equal_values_in_the_original_mode(doubled: Catalogue) -> None:
    shop = Shop(doubled, compat="original")
    assert shop.show(open_mug(shop)).clickables[6:] == ("black",)
    assert open_mug(shop, "click[black]").options == {"lid": "black"}


def test_values_with_brackets_can_be_clicked() -> None:
    options = {"Pack": [{"value": "black [2 pack]"}, {"value": "two\nlines"}]}
    catalogue = Catalogue.from_raw([make_raw("B000000000", customization_options=options)])
    shop = Shop(catalogue)
    for value in ("black [2 pack]", "two\nlines"):
        assert open_mug(shop, f"click[{value}]").options == {"pack": value}
    original = Shop(catalogue, compat="original")
    assert not original.act(open_mug(original), "click[black [2 pack]]")


def test_random_products_stay_and_follow_the_seed(small_catalogue: Catalogue) -> None:
    shop = Shop(small_catalogue)

    def look(seed: int, *actions: str) -> str:
        session = Session(small_catalogue.goals()[0], seed)
        for action in actions:
            assert shop.act(session, action)
        return write_text(shop.show(session))

    assert look(1, "search[<r>]") == look(1, "search[<r>]", "click[next >]", "click[< prev]")
    assert look(1, "search[<r>]") != look(2, "search[<r>]")
    assert "(Total results: 50)" in look(1, "search[<r> \ud800]")
    assert look(1, "search[<r> mugs]") != look(1, "search[<r>]")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("<a> hand made", 50),
        ("<a>", 0),
        ("<c>", 0),
        ("<c> garden and more", 50),
        ("<q> mugs", 50),
        ("<q>", 0),
        ("<z>", 0),
        ("\ud800", 0),
        ("<a> \ud800", 0),
    ],
)
def test_keyword_searches(small_catalogue: Catalogue, query: str, found: int) -> None:
    shop = Shop(small_catalogue)
    session = Session(small_catalogue.goals()[0])
    assert shop.act(session, f"search[{query}]")
    page = shop.show(session)
    assert page.num_results == found
    assert [hit.asin for hit in page.hits] == list(small_catalogue.products)[: min(found, 10)]


def test_nothing_goes_on_after_buying(small_catalogue: Catalogue) -> None:
    shop = Shop(small_catalogue)
    session = open_mug(shop, "click[buy now]")
    page, reward = shop.show(session), session.reward
    for action in ("click[buy now]", "search[mug]", "click[back to search]"):
        assert not shop.act(session, action)
    assert (shop.show(session), session.reward) == (page, reward)
    assert page.clickables == ()
    assert f"[SEP] {page.reward.total:.4g} [SEP]" in write_text(page)  # type: ignore[union-attr]


def test_plan_reaches_the_goal_from_anywhere(small_catalogue: Catalogue) -> None:
    shop = Shop(small_catalogue)
    starts = [[], ["search[zzz]"], ["search[mug]", "click[next >]"], ["search[harbour]", "click[b000000003]"]]
    for position in range(0, 100, 9):
        for start in starts:
            session = Session(small_catalogue.goals()[position])
            for action in start:
                shop.act(session, action)
            for action in plan_purchase(shop, session):
                assert shop.act(session, action), action
            assert session.reward is not None and session.reward.total == 1.0
            assert plan_purchase(shop, session) == []


ACTIONS = st.one_of(
    st.text(max_size=30),
    st.text(max_size=20).map("search[{}]".format),
    st.text(max_size=20).map("click[{}]".format),
    st.sampled_from(["search[mug]", "search[]", "search[<r>]", "click[]", "click[search]", "[[[", "]]]", "a[b]c[d]e"]),
)


@settings(max_examples=60)
@given(st.lists(st.one_of(ACTIONS, st.integers(0, 40)), max_size=25))
def test_any_walk(small_catalogue: Catalogue, walk: list[str | int]) -> None:
    """Every page of any walk reads the same from its HTML; every clickable can be clicked; snapshots are exact."""
    shop = Shop(small_catalogue)
    session = Session(small_catalogue.goals()[5])
    for move in walk:
        page = shop.show(session)
        assert read_nodes(write_html(page)) == list_nodes(page)
        choices = [f"click[{text}]" for text in page.clickables if text != "search"] or ["search[harbour mug]"]
        snapshot = pickle.loads(pickle.dumps(session.copy()))
        if isinstance(move, int):
            assert shop.act(session, choices[move % len(choices)]) or session.is_done
        elif not shop.act(session, move):
            assert shop.show(session) == page
        assert shop.show(snapshot) == page


@given(st.text(alphabet="ab[] \n", max_size=12))
def test_actions_are_parsed_like_the_original(action: str) -> None:
    import re

    match = re.match(r"(.+)\[(.+)\]", action)
    assert parse_action(action) == (match.groups() if match else ("", ""))


@pytest.mark.parametrize(
    "action", ["[" * 200_000, "]" * 200_000, "search[" * 50_000, "click[" + "x]" * 100_000, "click[\ud800]"]
)
def test_odd_actions_do_no_harm(small_catalogue: Catalogue, action: str) -> None:
    shop = Shop(small_catalogue)
    session = Session(small_catalogue.goals()[0])
    assert not shop.act(session, action)
    assert isinstance(parse_click(action), str)
