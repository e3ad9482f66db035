"""The page: whole in itself, true to the runs, and working in a real browser."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hand_records import make_episode, make_run
from selectolax.lexbor import LexborHTMLParser

from hiper_envs.viewer.packing import EPISODES_PER_CHUNK
from leaderboard.board.report import write_report
from leaderboard.play.run_folder import Run

HOSTILE = "</script><script>alert(1)</script><b>bold</b>"


def make_runs() -> list[Run]:
    good = [make_episode(f"pick_heat_then_place_in_recep-{n}", score=1.0, lengths=(2, 3)) for n in range(40)]
    poor = [
        make_episode(
            f"pick_heat_then_place_in_recep-{n}", score=0.5 * (n % 3), error="KeyError: 'x'" if n == 7 else None
        )
        for n in range(40)
    ]
    shop = [make_episode(f"goal-{n} {HOSTILE}", score=0.25, observation=HOSTILE * 40) for n in range(3)]
    return [make_run("Poor", poor), make_run("Good", good), make_run(f"Shop {HOSTILE}", shop)]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return write_report(make_runs(), tmp_path / "deep" / "report.html")


def read_data(page: Path) -> dict[str, Any]:
    element = LexborHTMLParser(page.read_text()).css_first("#data")
    assert element is not None
    data: dict[str, Any] = json.loads(element.text())
    return data


def test_page_needs_nothing_else(page: Path) -> None:
    text = page.read_text()
    assert "default-src 'none'" in text
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)""", text) == []
    assert "@import" not in text and "url(" not in text


def test_text_never_becomes_markup(page: Path) -> None:
    tree = LexborHTMLParser(page.read_text())
    assert len(tree.css("script")) == 2 and not [node for node in tree.css("b") if node.text() == "bold"]


def test_standings_are_in_order(page: Path) -> None:
    rows = LexborHTMLParser(page.read_text()).css("table.standings")[0].css("tbody tr")
    assert [row.css_first("th").text(strip=True) for row in rows] == ["1Good", "2Poor"]
    assert rows[0].css_first(".bar-number").text() == "100.0"
    assert rows[0].css_first(".bar-range").text() == "91 to 100"


def test_episodes_are_packed_whole(page: Path) -> None:
    good = read_data(page)["runs"][0]
    assert good["name"] == "Good" and len(good["episodes"]) == 40
    assert good["episodes"][0]["segments"] == [2, 3] and good["episodes"][0]["outcome"] == "success"
    unpacked = [json.loads(gzip.decompress(base64.b64decode(chunk))) for chunk in good["chunks"]]
    assert [len(chunk) for chunk in unpacked] == [EPISODES_PER_CHUNK, 40 - EPISODES_PER_CHUNK]
    assert unpacked[1][0]["turns"][4]["action"] == "work"
    assert read_data(page)["runs"][1]["episodes"][7]["outcome"] == "crash"


def test_same_runs_give_the_same_bytes(page: Path, tmp_path: Path) -> None:
    assert write_report(make_runs(), tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_run_without_episodes_is_shown(tmp_path: Path) -> None:
    text = write_report([make_run("Empty", [], num_tasks=2)], tmp_path / "empty.html").read_text()
    assert "0 of 2" in text


def test_page_tells_of_intervals_and_shows_none_from_one_task(tmp_path: Path) -> None:
    runs = [make_run(name, [make_episode("a", score=score)]) for name, score in (("One", 1.0), ("Other", 0.0))]
    text = write_report(runs, tmp_path / "one.html").read_text()
    assert "nan" not in text.lower().replace("nano", "") and "no interval from so few" in text
    tree = LexborHTMLParser(text)
    captions = [node.text() for node in tree.css("caption")]
    assert "95 % interval: exact (Clopper-Pearson) for success, else bootstrap by task." in captions[0]
    assert "95 % interval: bootstrap by task." in captions[-1]
    cells = tree.css("table.differences tbody td")
    assert cells[0].css_first(".bar-range").text() == "-95.0 to 100.0" and cells[2].text(strip=True) == "0.0"


@pytest.mark.slow
def test_page_works_in_a_browser(page: Path, browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def wait_for(selector: str, text: str) -> None:
        WebDriverWait(browser, 10).until(lambda _: text in find(selector).text)

    browser.get(page.as_uri())
    wait_for("#pages", "ended by switch")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#pages .segment")) == 2
    Select(find("#run")).select_by_index(1)
    Select(find("#outcome")).select_by_value("crash")
    assert find("#count").text == "1 of 40 episodes"
    find("#rows button").click()
    wait_for("#pages .error", "KeyError: 'x'")
    Select(find("#beside")).select_by_index(1)
    WebDriverWait(browser, 10).until(lambda _: len(browser.find_elements(By.CSS_SELECTOR, "#pages article")) == 2)
    Select(find("#outcome")).select_by_value("")
    find("#search").send_keys("recep-13")
    assert find("#count").text == "1 of 40 episodes"
    Select(find("#run")).select_by_index(2)
    find("#search").clear()
    find("#search").send_keys("goal-2")
    find("#rows button").click()
    wait_for("#pages", "do goal-2")
    assert HOSTILE in find("#pages .observation.clip").get_attribute("textContent")
    assert "#episode-2-2" in browser.current_url
    find("#theme").click()
    assert browser.execute_script("return document.documentElement.dataset.theme") in ("dark", "light")
    assert browser.get_log("browser") == []


def test_equal_runs_share_a_rank(tmp_path: Path) -> None:
    runs = [make_run(name, [make_episode("a", score=score)]) for name, score in (("A", 1.0), ("B", 1.0), ("C", 0.0))]
    text = write_report(runs, tmp_path / "page.html").read_text()
    assert re.findall(r'class="rank">(\d+)</span>(\w)', text) == [("1", "A"), ("1", "B"), ("3", "C")]
