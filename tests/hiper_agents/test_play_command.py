"""`hiper play`: an agent is watched, or a person plays."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hiper_agents.__main__ import main
from hiper_agents.agents.human import HumanAgent
from hiper_agents.evaluation import open_env, play_one
from hiper_envs import parse_reply, play_episode
from tests.hiper_agents.screen import written
from tests.hiper_agents.toy import register_toy


def test_an_expert_is_shown_turn_by_turn(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    play_one("toy:RoomsExpert", register_toy(), "", "blue room|red room", 0, console)
    text = written(console)
    assert "segment 2: visit the red room" in text and "success, score 1.000, 3 turns, 2 segments" in text


def test_a_person_plays(console: Console) -> None:
    person = HumanAgent(console)
    person.reset(0)
    reply = parse_reply(person.read_turn("find a mug > 2", ["look", "go to desk 1"]))
    assert (reply.action, reply.subgoal, reply.switches) == ("go to desk 1", "find a mug", True)
    reply = parse_reply(person.read_turn("look", ["look"]))
    assert (reply.action, reply.subgoal, reply.switches) == ("look", "find a mug", False)
    with pytest.raises(KeyboardInterrupt):
        person.read_turn("quit", [])


def test_a_person_in_an_episode(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["visit the red room > 1", "1", "visit the blue room > enter the blue room"])
    monkeypatch.setattr(console, "input", lambda prompt: next(lines))
    episode = play_episode(open_env(register_toy(), ""), HumanAgent(console), task=0)
    assert episode.success and [segment.subgoal for segment in episode.segments] == [
        "visit the red room",
        "visit the blue room",
    ]
    assert "visit the red room and then visit the blue room" in written(console)


def test_a_person_chooses_split_and_task(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["valid_seen", "9999", "-", "pick", "2", "find it > 1", "quit"])
    monkeypatch.setattr(console, "input", lambda *prompt, **options: next(lines))
    with pytest.raises(KeyboardInterrupt):
        play_one("human", "alfworld", "", "", 0, console)
    text = written(console)
    assert "Your task is to" in text and "You arrive at" in text
    assert (
        "there is no task 9999; the 140 tasks" in text and "unknown task '-'" in text and "unknown task 'pick'" in text
    )


def test_a_mistyped_line_costs_no_turn(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["", "go red > 9", "go red > ", "-1", "visit the red room > 1", "1", "visit it > 2"])
    monkeypatch.setattr(console, "input", lambda prompt: next(lines))
    episode = play_episode(open_env(register_toy(), ""), HumanAgent(console), task=0)
    assert episode.success and [turn.segment for turn in episode.turns] == [0, 0, 1]
    text = written(console)
    assert text.count("no action was entered; enter a number from 1 to 5, an action in words, or quit") == 2
    assert "there is no action 9" in text and "there is no action -1" in text


def test_numbers_are_not_highlighted_and_searching_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), width=200, force_terminal=True, color_system="standard", _environ={})
    monkeypatch.setattr(console, "input", lambda prompt: "1")
    person = HumanAgent(console)
    info = {"admissible_actions": ["click[B07 25]"], "instruction": "a lamp of 25 dollars", "has_search_bar": True}
    person.act("You see bed 1 and desk 20.", info)
    person.act("You see bed 1 and desk 20.", info)
    text = written(console)
    assert text.count("You see bed 1 and desk 20.") == 2 and "a lamp of 25 dollars" in text and "click[B07 25]" in text
    assert text.count("search[your words]") == 1


@pytest.mark.parametrize(
    ("answers", "said"), [([], "Split"), (["valid_seen"], "Task"), (["valid_seen", "0"], "Your task")]
)
def test_the_end_of_the_input_stops_a_person(
    answers: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hiper", "play", "alfworld"])
    monkeypatch.setattr(sys, "stdin", StringIO("".join(f"{answer}\n" for answer in answers)))
    with pytest.raises(SystemExit) as stop:
        main()
    shown = capsys.readouterr()
    assert stop.value.code == 130 and shown.err == "stopped\n" and said in shown.out
