"""The official engine behind the common interface: same answers, no marks on the process, no growth."""

import gzip
import io
import json
import os
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import GameFileError
from hiper_envs.alfworld.official import engine as official
from hiper_envs.alfworld.official.engine import OfficialEngine, is_installed, write_official_game
from hiper_envs.alfworld.official.planner_library import measure_loaded_part
from hiper_envs.alfworld.rules.engine import Engine
from tests.hiper_envs.alfworld.handmade import bedroom
from tests.hiper_envs.alfworld.official.marks import needs_official

WALKS = ("edge-E10_floor_objects.cover", "edge-E3_holding_at_start.cover", "edge-E9_two_locations.cover")


@needs_official
@pytest.mark.parametrize("name", WALKS)
def test_recorded_answers_are_identical(shared: Path, name: str) -> None:
    folder = shared / "gold" / "alfworld"
    with gzip.open(folder / "walks" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        game, *lines = [json.loads(line) for line in file]
    engine = OfficialEngine(folder / game["game"])
    for line in lines:
        output = engine.reset() if line["kind"] == "reset" else engine.step(line["cmd"])
        assert tuple(output) == (line["feedback"], line["adm"], line["won"]), line["cmd"]
    engine.close()


@needs_official
def test_process_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from textworld.envs.pddl import logic, textgen

    monkeypatch.setattr(sys, "argv", ["mine", "--flag"])
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    before = list(sys.argv), sys.stdout, dict(os.environ), {**vars(logic)}, {**vars(textgen)}
    engine = OfficialEngine(bedroom())
    engine.reset()
    engine.step("look")
    engine.close()
    assert (list(sys.argv), sys.stdout, dict(os.environ), vars(logic), vars(textgen)) == before
    assert sys.stdout.getvalue() == ""  # type: ignore[attr-defined]


def measure_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@needs_official
@pytest.mark.slow
def test_hundred_engines_leave_no_files_and_no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fields = write_official_game(bedroom())
    pool = official._import_official().pool
    OfficialEngine(fields).reset()
    descriptors, memory = len(os.listdir("/proc/self/fd")), measure_memory()
    for index in range(100):
        engine = OfficialEngine(fields)
        engine.reset()
        engine.step("go to desk 1")
        if index % 2:
            engine.close()
        del engine
    # Dropped engines are freed at once, but for those that a parser's first failures still refer to.
    assert pool.num_copies < 6
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert list(tmp_path.iterdir()) == []
    assert measure_memory() - memory < 16e6


@needs_official
def test_engines_do_not_disturb_each_other() -> None:
    first, second = OfficialEngine(bedroom()), OfficialEngine(bedroom(Goal("look_at", "Book", None)))
    first.reset()
    second.reset()
    first.step("go to desk 1")
    assert second.step("look").text.startswith("You are in the middle of a room.")
    assert first.step("look").text.startswith("You are facing the desk 1.")
    first.close()
    assert second.step("go to drawer 1").text.startswith("You arrive at drawer 1.")
    second.close()


@needs_official
def test_threads_take_turns() -> None:
    texts: dict[int, list[str]] = {}

    def play(number: int) -> None:
        engine = OfficialEngine(bedroom())
        texts[number] = [engine.reset().text, *(engine.step(f"go to {place}").text for place in ("desk 1", "drawer 1"))]
        engine.close()

    threads = [threading.Thread(target=play, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 4 and len({tuple(text) for text in texts.values()}) == 1


@needs_official
def test_closed_engine_says_so() -> None:
    engine = OfficialEngine(bedroom())
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.reset()


@needs_official
def test_state_is_the_way_there() -> None:
    engine = OfficialEngine(bedroom())
    engine.reset()
    for command in ("go to desk 1", "nonsense", "take book 1 from desk 1"):
        engine.step(command)
    state = engine.get_state()
    assert state == ("go to desk 1", "take book 1 from desk 1")
    engine.reset()
    engine.set_state(state)
    assert engine.step("inventory").text == "You are carrying: a book 1."
    engine.close()


@needs_official
def test_names_are_dealt_out_like_the_fast_engine_does() -> None:
    problem = bedroom()
    for seed in range(4):
        engine = OfficialEngine(problem, name_seed=seed)
        assert engine.reset() == Engine(problem, name_seed=seed).reset()
        engine.close()


@needs_official
def test_games_of_other_domains_are_played() -> None:
    fields = write_official_game(bedroom())
    fields["pddl_domain"] = fields["pddl_domain"].replace("(increase (total-cost) 5)", "(increase (total-cost) 7)")
    engine = OfficialEngine(fields)
    assert engine.reset() == Engine(bedroom()).reset()
    engine.close()


@needs_official
def test_broken_games_are_refused_with_a_reason() -> None:
    out_of_reach = bedroom(Goal("clean", "Mug", "Drawer"))
    with pytest.raises(GameFileError, match="out of reach"):
        OfficialEngine(out_of_reach)
    fields = write_official_game(bedroom())
    with pytest.raises(GameFileError, match="cannot be translated"):
        OfficialEngine({**fields, "pddl_problem": fields["pddl_problem"].replace("(:init", "(:init (")})
    with pytest.raises(GameFileError, match="'grammar' is missing"):
        OfficialEngine({name: text for name, text in fields.items() if name != "grammar"})


@needs_official
def test_task_is_known_after_a_reset() -> None:
    engine = OfficialEngine(replace(bedroom(), task="find two mug and put them in drawer"))
    engine.reset()
    assert engine.task == "find two mug and put them in drawer"
    engine.close()


def test_missing_extra_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    official._import_official.cache_clear()
    monkeypatch.setitem(sys.modules, "fast_downward", None)
    with pytest.raises(ImportError, match=r"pip install \"hiper-suite\[official\]\""):
        OfficialEngine(bedroom())
    assert not is_installed()


def test_only_the_loaded_part_of_a_library_is_copied() -> None:
    assert measure_loaded_part(b"#!/bin/sh\n") == 10
    own = Path(sys.executable).resolve().read_bytes()
    if own[:6] == b"\x7fELF\x02\x01":
        assert 0 < measure_loaded_part(own) <= len(own)
