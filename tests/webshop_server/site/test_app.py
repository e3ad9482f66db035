"""The web site: it shows what the shop shows, and answers odd requests."""

import html
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from starlette.testclient import TestClient

import hiper_envs  # noqa: F401  registers the ids
from webshop_server import Catalogue
from webshop_server.__main__ import main
from webshop_server.shop.page_text import join_rich_text, join_text, write_rich_text, write_text
from webshop_server.shop.shop import Session, Shop
from webshop_server.site.app import MAX_FORM_BYTES, make_app
from webshop_server.site.page_html import write_html
from webshop_server.site.page_reader import read_nodes
from webshop_server.site.sessions import Site


@pytest.fixture
def site(small_catalogue: Catalogue) -> Site:
    return Site(Shop(small_catalogue), generator=random.Random(0))


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(make_app(site))


def test_a_visit(client: TestClient, site: Site) -> None:
    page = client.get("/goal/8")
    assert page.status_code == 200
    goal = site.goals[8]
    twin = Session(goal)
    for field, value in (
        ("query", f"harbour mug {goal.asin}"), ("click", "next >"), ("click", "< prev"), ("click", goal.asin.lower()),
        ("click", "features"), ("click", "< prev"), ("click", "blue"), ("click", "LARGE"), ("click", "nonsense"),
        ("click", "buy now"),
    ):  # fmt: skip
        page = client.post(page.url, data={field: value})
        site.shop.search(twin, value) if field == "query" else site.shop.click(twin, value)
        nodes = read_nodes(page.text)
        assert join_text(nodes) == write_text(site.shop.show(twin))
        assert join_rich_text(nodes) == write_rich_text(site.shop.show(twin))
    assert "Thank you for shopping with us!" in page.text


def test_search_by_address(client: TestClient) -> None:
    page = client.get("/")
    page = client.get(f"{page.url}?query=harbour")
    assert "Page 1 (Total results: 50)" in page.text


@pytest.mark.parametrize("address", ["/nowhere", "/s/unknown", "/goal/100", "/goal/x", "/goal/-1"])
def test_unknown_addresses(client: TestClient, address: str) -> None:
    page = client.get(address)
    assert page.status_code == 404
    assert "Start with a new instruction" in page.text


def test_odd_forms(client: TestClient) -> None:
    page = client.get("/goal/1")
    for body in (b"", b"\xff\xfe", b"click=%00%FF", b"query=", b"nothing=1", b"a&b&c"):
        assert client.post(page.url, content=body).text == page.text
    assert client.post(page.url, content=b"x" * (MAX_FORM_BYTES + 1)).status_code == 413
    assert client.post(page.url, content=b"a=1&" * 100).status_code == 413
    assert client.post("/s/unknown", content=b"").status_code == 404


def test_text_is_escaped() -> None:
    from tests.products import make_raw

    evil = '<script>alert("x")</script>'
    raw = make_raw("B000000000", name=evil, customization_options={evil: [{"value": evil}]}, full_description=evil)
    shop = Shop(Catalogue.from_raw([raw]))
    session = Session(shop.catalogue.goals()[0])
    for action in ("search[alert]", "click[b000000000]", f"click[{evil}]", "click[description]"):
        shop.act(session, action)
        written = write_html(shop.show(session))
        assert "<script>" not in written
        assert html.escape("<script>") in written


def test_pages_are_accessible(small_catalogue: Catalogue) -> None:
    """Language, title, one main, a heading on every page, a name for every field, no outside resources."""
    shop = Shop(small_catalogue)
    session = Session(small_catalogue.goals()[0])
    for action in ("", "search[harbour]", "click[b000000000]", "click[blue]", "click[features]", "click[< prev]"):
        shop.act(session, action)
        written = write_html(shop.show(session))
        assert '<html lang="en">' in written and "<title>" in written and written.count("<main") == 1
        assert re.search(r"<h[12]", written)
        assert all("aria-label=" in field for field in re.findall("<input[^>]*>", written))
        assert "http" not in written


@pytest.mark.slow
@pytest.mark.parametrize("observation", ["text", "text_rich"])
def test_browser_sees_the_same(small_catalogue: Catalogue, observation: str) -> None:
    pytest.importorskip("selenium", reason="the extra browser is not installed")
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no Chromium with its driver on this machine")
    make = {"split": "all", "data": small_catalogue, "observation": observation}
    plain: Any = gym.make("hiper/WebShop-v0", **make)
    browser: Any = gym.make("hiper/WebShop-v0", browser="selenium", **make)
    try:
        assert plain.reset(seed=1, options={"task": 8}) == browser.reset(seed=1, options={"task": 8})
        for action in (
            "click[search]", "search[harbour 'mug' é]", "click[next >]", "click[< PREV]", "click[b000000003]", "junk",
            "click[blue]", "click[Description]", "search[<r>]", "click[back to search]", "search[harbour]",
            "click[b000000004]", "click[red | white]", "click[buy now]",
        ):  # fmt: skip
            assert plain.step(action) == browser.step(action), action
    finally:
        browser.close()


def test_missing_browser_is_told(small_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("selenium", reason="the extra browser is not installed")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="needs Chromium and its driver"):
        gym.make("hiper/WebShop-v0", split="all", data=small_catalogue, browser="selenium")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "99999"], "there is no port 99999; allowed: 1 to 65535, or 0 for any free one"),
        (["--port", "-1"], "there is no port -1; allowed: 1 to 65535"),
        (["--host", "no.such.host.invalid"], "there is no host 'no.such.host.invalid'"),
        (["--host", "a" * 70], "there is no host 'aaa"),
        (["--host", "192.0.2.1"], "cannot serve at host 192.0.2.1, port 3000"),
        (["--port", "TAKEN"], "address already in use; choose another --port"),
    ],
)
def test_addresses_that_cannot_be_served(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as left:
        port = str(taken.getsockname()[1])
        main(["serve", *(port if argument == "TAKEN" else argument for argument in arguments)])
    told = capsys.readouterr()
    assert left.value.code == 2 and told.out == ""
    assert message in told.err and len(told.err.splitlines()) == 1


def test_served_address_is_the_one_told(small_catalogue: Catalogue) -> None:
    folder: Path = small_catalogue.folder
    command = [sys.executable, "-m", "webshop_server", "serve", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"50 products at (http://127\.0\.0\.1:\d+/)", process.stdout.readline())
        assert found
        with urllib.request.urlopen(found[1], timeout=20) as page:
            assert b"Instruction" in page.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()
