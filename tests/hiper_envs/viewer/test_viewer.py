"""The viewer: any records as one page that is whole in itself, true to them, and works in a real browser."""

import base64
import gzip
import json
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from selectolax.lexbor import LexborHTMLParser

from hiper_agents.__main__ import main
from hiper_envs import Episode, Segment, Turn, write_reply
from hiper_envs.episodes.files import RecordError, write_episodes
from hiper_envs.reply import NO_TAGS
from hiper_envs.viewer import Source, load_sources, render_viewer, write_viewer
from hiper_envs.viewer.packing import EPISODES_PER_CHUNK

HOSTILE = "</script><script>alert(1)</script><b>bold</b><!--"
WORLD = "hiper/ALFWorld-v0"


def make_episode(
    number: int,
    agent: str = "careful",
    *,
    actions: Sequence[str] = ("look", "go to desk 1", "take mug 1"),
    cuts: Sequence[int] = (0, 2),
    text: str = "You see a mug 1.",
    **fields: Any,
) -> Episode:
    """Make a successful episode whose segments begin at `cuts`, with a milestone on its last turn."""
    segments, turns = [], []
    for index, (start, end) in enumerate(zip(cuts, [*cuts[1:], len(actions)], strict=True)):
        segments.append(Segment(start, end, f"subgoal {index}", float(end == len(actions)), "switch"))
        for turn in range(start, end):
            is_last = turn == len(actions) - 1
            reply = write_reply(actions[turn], f"subgoal {index}", turn == start)
            reached = ("held",) if is_last else ()
            turns.append(
                Turn(turn, reply, actions[turn], text, float(is_last), index, turn == start, milestones=reached)
            )
    episode = Episode(
        env_id=WORLD,
        env_options={"split": "train"},
        task_id=f"train/pick_heat_then_place_in_recep-{number}",
        seed=number,
        agent=agent,
        instruction=f"heat mug number {number}",
        reset_observation="You are in the middle of a room.",
        turns=turns,
        segments=segments,
        score=1.0,
        success=True,
        terminated=True,
        truncated=False,
        milestones=("seen", "held"),
    )
    return msgspec.structs.replace(episode, **fields)


def read_runs(page: str) -> list[dict[str, Any]]:
    element = LexborHTMLParser(page).css_first("#data")
    assert element is not None
    runs: list[dict[str, Any]] = json.loads(element.text())["runs"]
    return runs


def unpack(run: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for chunk in run["chunks"] for one in json.loads(gzip.decompress(base64.b64decode(chunk)))]


def test_page_holds_every_turn() -> None:
    parts = {"r_type": 1.0, "r_price": True}
    problems = ("no complete <switch>",)
    bad = Turn(0, "<action>fly</action>", "fly", "Nothing happens.", 0.0, 0, True, problems, (), 0.5, 7, 3)
    episodes = [make_episode(number) for number in range(EPISODES_PER_CHUNK + 1)]
    episodes.append(make_episode(99, reward_parts=parts, turns=[bad], success=False, score=0.5, error="KeyError: 'x'"))
    (run,) = read_runs(render_viewer([Source("careful", WORLD, episodes)]))
    details = unpack(run)
    assert [line["instruction"] for line in run["episodes"]] == [episode.instruction for episode in episodes]
    assert [line["outcome"] for line in run["episodes"]][-2:] == ["success", "crash"]
    assert run["episodes"][0]["segments"] == [2, 1] and run["episodes"][0]["type"] == "heat"
    assert run["episodes"][0]["subgoals"] == ["subgoal 0", "subgoal 1"] and run["episodes"][0]["reached"] == 1
    assert [[turn["action"] for turn in one["turns"]] for one in details] == [
        [turn.action for turn in episode.turns] for episode in episodes
    ]
    assert details[0]["turns"][2]["milestones"] == ["held"] and details[0]["milestones"] == ["seen", "held"]
    last = details[-1]
    assert last["parts"] == parts and last["error"] == "KeyError: 'x'"
    turn = last["turns"][0]
    assert (turn["reply"], turn["problems"]) == (bad.reply, list(problems))
    assert (turn["seconds"], turn["read"], turn["written"]) == (0.5, 7, 3)


def test_reply_without_tags_is_no_problem() -> None:
    flat = Turn(0, "look", "look", "", 0.0, 0, True, ("no tags: the whole reply was taken as the action",))
    assert not flat.is_ill_formed and msgspec.structs.replace(flat, reply="<action>look").is_ill_formed


def test_cut_off_replies_are_shown_apart() -> None:
    cut = Turn(0, "I think", "I think", "", 0.0, 0, True, (NO_TAGS,), form="flat", finish_reason="length")
    flat = msgspec.structs.replace(cut, finish_reason="stop")
    page = render_viewer([Source("careful", WORLD, [make_episode(0, turns=[cut, flat])])])
    (run,) = read_runs(page)
    assert (run["episodes"][0]["problems"], run["episodes"][0]["cutOff"]) == (0, 1)
    turns = unpack(run)[0]["turns"]
    assert turns[0]["problems"] == ["cut off: it ran into the limit of tokens"] and "problems" not in turns[1]
    headings, row = (LexborHTMLParser(page).css(f"#agents {part} tr")[0] for part in ("thead", "tbody"))
    assert "Cut off %" in headings.text() and "50.0" in [cell.text(strip=True) for cell in row.css("td")]
    assert "Cut off %" not in render_viewer([Source("careful", WORLD, [make_episode(0)])])


def test_page_needs_nothing_else() -> None:
    page = render_viewer([Source("careful", WORLD, [make_episode(0)])])
    assert "default-src 'none'" in page
    assert re.findall(r"""(?:src|href)=["'](?!#|data:)""", page) == []
    assert "@import" not in page and "url(" not in page and "http:" not in page and "https:" not in page


def test_hostile_text_stays_text() -> None:
    episode = make_episode(0, HOSTILE, actions=[HOSTILE], cuts=[0], text=HOSTILE, instruction=HOSTILE, task_id=HOSTILE)
    page = render_viewer([Source(HOSTILE, HOSTILE, [episode], origin=HOSTILE), Source("b", "c", [episode])])
    tree = LexborHTMLParser(page)
    assert len(tree.css("script")) == 2 and not tree.css("b")
    assert read_runs(page)[0]["episodes"][0]["instruction"] == HOSTILE
    assert unpack(read_runs(page)[0])[0]["turns"][0]["action"] == HOSTILE


def test_same_episodes_give_the_same_bytes() -> None:
    pages = [render_viewer([Source("careful", WORLD, [make_episode(n) for n in range(40)])]) for _ in range(2)]
    assert pages[0] == pages[1]


def test_means_stand_in_the_table() -> None:
    failed = make_episode(1, success=False, score=0.5, error="E", cuts=(0,), milestones=())
    page = render_viewer(
        [Source("careful", WORLD, [make_episode(0, cuts=(0, 1, 2)), failed]), Source("idle", WORLD, [])]
    )
    rows = [[cell.text(strip=True) for cell in row.css("th, td")] for row in LexborHTMLParser(page).css("tbody tr")]
    assert rows[0] == ["careful", "2", "50.0", "75.0", "3.0", "2.0", "0.0", "0", "none", "1", ""]
    assert rows[1][1:5] == ["0", "none", "none", "none"]


def test_five_thousand_episodes_stay_small_and_quick() -> None:
    rng = random.Random(0)
    seen = [", ".join(f"a thing {rng.randrange(99)}" for _ in range(8)) for _ in range(99)]
    texts = [f"You arrive at shelf {number}. You see {things}." for number, things in enumerate(seen)]
    episodes = []
    for number in range(5000):
        episode = make_episode(number, actions=["go to shelf 1"] * 20, cuts=(0, 5, 10))
        turns = [msgspec.structs.replace(turn, observation=rng.choice(texts)) for turn in episode.turns]
        episodes.append(msgspec.structs.replace(episode, turns=turns))
    started = time.process_time()
    page = render_viewer([Source("careful", WORLD, episodes)])
    assert time.process_time() - started < 20
    assert len(page) < 12_000_000
    assert len(unpack(read_runs(page)[0])) == 5000


@pytest.mark.parametrize("name", ["some.jsonl", "some.jsonl.zst"])
def test_agents_and_worlds_of_a_file_are_kept_apart(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shop = make_episode(0, "careful", env_id="hiper/WebShop-v0")
    write_episodes(path, [make_episode(0), make_episode(0, "hasty"), shop, make_episode(1)])
    sources = load_sources([path])
    assert [(source.name, source.world, len(source.episodes)) for source in sources] == [
        ("careful", WORLD, 2),
        ("hasty", WORLD, 1),
        ("careful", "hiper/WebShop-v0", 1),
    ]
    page = render_viewer(sources)
    assert "These episodes are of 2 worlds: hiper/ALFWorld-v0, hiper/WebShop-v0." in page
    assert "worlds:" not in render_viewer(sources[:2])


def test_run_folders_are_found_and_told_apart(tmp_path: Path) -> None:
    for folder in ("panel/first", "panel/second"):
        write_episodes(tmp_path / folder / "episodes.jsonl", [make_episode(0)])
    write_episodes(tmp_path / "panel/third/episodes.jsonl.zst", [make_episode(0, "other")])
    (tmp_path / "panel/first/times.jsonl").write_text('{"task": 1}\n')
    sources = load_sources([tmp_path, tmp_path / "panel/first"])
    assert sorted(source.name for source in sources) == ["careful (first)", "careful (second)", "other"]
    (alone,) = load_sources([tmp_path / "panel/first"])
    assert (alone.name, alone.origin) == ("careful", "first")


def test_unfinished_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    write_episodes(path, [make_episode(0), make_episode(1)])
    path.write_bytes(path.read_bytes()[:-40])
    assert len(load_sources([path])[0].episodes) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("missing.jsonl", None, r"no episodes at .*missing\.jsonl: neither a file nor a folder is there"),
        ("empty.jsonl", b"", r"empty\.jsonl holds no whole episode, for it is empty: play some first"),
        ("empty.jsonl.zst", b"", r"for it is empty"),
        ("broken.jsonl", b"nonsense\n", r"broken\.jsonl, line 1, is no episode record"),
        ("broken.jsonl.zst", b"nonsense", r"for it is broken or no file of episode records"),
        ("folder/notes.txt", b"hello", r"hold no episodes\.jsonl or episodes\.jsonl\.zst: give a run folder"),
    ],
)
def test_what_cannot_be_viewed_gets_a_sentence(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=sentence):
        load_sources([path if path.parent == tmp_path else path.parent])


def test_no_paths_get_a_sentence() -> None:
    with pytest.raises(RecordError, match="name files of records or run folders"):
        load_sources([])


def test_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_episodes(tmp_path / "some.jsonl", [make_episode(0)])
    page = tmp_path / "deep" / "page.html"
    monkeypatch.setattr("sys.argv", ["hiper", "view", str(tmp_path / "some.jsonl"), "--out", str(page)])
    main()
    assert "heat mug number 0" in page.read_text(encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["hiper", "view", str(tmp_path / "none.jsonl")])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2 and "neither a file nor a folder" in " ".join(capsys.readouterr().err.split())


class Window:
    """The page in a browser, by CSS selectors."""

    def __init__(self, browser: Any, page: Path) -> None:
        self.browser = browser
        browser.get("about:blank")
        browser.get(page.as_uri())

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def wait(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline, self.one("main").text[:3000]
            time.sleep(0.02)

    def choose(self, selector: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.one(selector)).select_by_visible_text(text)


@pytest.fixture
def window(tmp_path: Path, browser: Any) -> Window:
    careful = [make_episode(number) for number in range(400)]
    careful[7] = make_episode(
        7, actions=["look", "fly", "xyzzy plugh"], success=False, score=0.5, error="KeyError", text=HOSTILE * 20
    )
    hasty = [make_episode(number, "hasty", actions=["look", "jump"], cuts=(0,)) for number in range(300)]
    parts = {"r_type": 0.5, "r_att": 1.0, "w_att": 0.25, "r_price": False}
    shop = [make_episode(0, "buyer", env_id="hiper/WebShop-v0", reward_parts=parts)]
    sources = [Source("careful", WORLD, careful), Source("hasty", WORLD, hasty), Source("buyer", "shop", shop)]
    return Window(browser, write_viewer(sources, tmp_path / "page.html"))


@pytest.mark.slow
def test_list_is_searched_and_filtered(window: Window) -> None:
    window.wait(lambda: bool(window.all("#pages .segment")))
    assert window.one("#count").text == "400 of 400 episodes" and len(window.all("#rows button")) == 150
    window.browser.execute_script("document.getElementById('more').click()")
    assert len(window.all("#rows button")) == 300
    window.one("#search").send_keys('"number 39"')
    assert window.one("#count").text == "11 of 400 episodes"
    window.one("#search").clear()
    window.one("#search").send_keys("xyzzy")
    assert "No episode fits" in window.one("#count").text
    window.one("#deep").click()
    window.wait(lambda: window.one("#count").text == "1 of 400 episodes")
    window.one("#rows button").click()
    window.wait(lambda: "KeyError" in window.one("#pages").text)
    assert HOSTILE in window.one("#pages .observation.clip").get_attribute("textContent")
    window.one("#deep").click()
    window.one("#search").clear()
    window.one("#search").send_keys(" ")
    window.choose("#outcome", "crash")
    assert window.one("#count").text == "1 of 400 episodes"
    window.choose("#outcome", "all")
    window.choose("#order", "lowest score")
    assert window.one("#rows button .row-text").text == "heat mug number 7"
    assert window.browser.get_log("browser") == []


@pytest.mark.slow
def test_two_agents_stand_side_by_side(window: Window) -> None:
    window.wait(lambda: bool(window.all("#pages .segment")))
    window.choose("#beside", "hasty")
    window.wait(lambda: len(window.all("#pages article")) == 2)
    assert window.one("#note").text == "Both took the same first action."
    assert [row.get_attribute("data-turn") for row in window.all("li:has(.parting)")] == ["1", "1"]
    assert window.browser.current_url.endswith("#episode-0-0-beside-1")
    window.browser.refresh()
    window.wait(lambda: len(window.all("#pages article")) == 2)
    window.choose("#order", "as played")
    window.browser.execute_script("for (let n = 0; n < 2; n += 1) document.getElementById('more').click()")
    window.browser.execute_script("document.querySelector('[data-position=\"350\"]').click()")
    window.wait(lambda: "has not played this task" in window.one("#note").text)
    assert len(window.all("#pages article")) == 1
    assert window.browser.get_log("browser") == []


@pytest.mark.slow
def test_an_episode_shows_milestones_parts_and_replies(window: Window) -> None:
    window.wait(lambda: bool(window.all("#pages .segment")))
    assert [band.text for band in window.all("#pages .band")] == ["subgoal 0", "subgoal 1"]
    assert window.one("#pages .mark-button").get_attribute("aria-label") == "Turn 3: held; reward 1"
    assert window.one("#pages .milestones").text.split("\n") == ["Milestones 1 of 2", "◇ seen", "◆ held, turn 3"]
    assert not window.all("#pages .reply")
    window.one("#replies").click()
    window.wait(lambda: len(window.all("#pages .reply")) == 3)
    assert (
        window.one("#pages .reply").text == "<switch>SWITCH</switch><subgoal>subgoal 0</subgoal><action>look</action>"
    )
    window.choose("#run", "buyer on shop")
    window.wait(lambda: bool(window.all("#pages .parts")))
    texts = window.one("#pages .parts").text.split("\n")
    assert texts == ["Reward parts", "type 0.5", "attributes 1 weight 0.25", "price no"]
    assert not window.one("#beside").is_displayed()


@pytest.mark.slow
def test_page_is_worked_by_keyboard_and_fits_a_narrow_screen(window: Window) -> None:
    from selenium.webdriver.common.keys import Keys

    window.wait(lambda: bool(window.all("#pages .segment")))
    window.one("#rows button").click()

    def focused() -> Any:
        return window.browser.switch_to.active_element

    for key, position in ((Keys.ARROW_DOWN, "1"), (Keys.END, "149"), (Keys.ARROW_DOWN, "150"), (Keys.HOME, "0")):
        focused().send_keys(key)
        assert focused().get_attribute("data-position") == position
    window.wait(lambda: "heat mug number 0" in window.one("#pages").text)
    window.one("#theme").send_keys(Keys.ENTER)
    assert window.one("html").get_attribute("data-theme") == "dark"
    assert window.one("#theme").text == "Light"
    colour = window.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", colour)[:3])) < 150
    narrow = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    window.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", narrow)
    width = window.browser.execute_script("return document.documentElement.scrollWidth")
    window.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width == 360


def test_worlds_with_other_options_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    real = msgspec.structs.replace(make_episode(0), env_options={"games": "real", "split": "valid_seen"})
    write_episodes(path, [make_episode(0), real, make_episode(0, env_id="hiper/WebShop-v0")])
    assert [source.world for source in load_sources([path])] == [
        "hiper/ALFWorld-v0, split train",
        "hiper/ALFWorld-v0, games real, split valid_seen",
        "hiper/WebShop-v0",
    ]
