"""Agents that break off, leave the program or cannot be made are told in a sentence."""

import sys
from pathlib import Path

import pytest
from rich.console import Console

from hiper_agents.__main__ import main
from hiper_agents.evaluation import evaluate_agents, find_agent
from tests.hiper_agents.screen import written
from tests.hiper_agents.toy import register_toy

LEAVERS = """
import sys

class Maker:
    def __init__(self):
        sys.exit(0)

class Player:
    def reset(self, seed):
        pass
    def act(self, observation, info):
        sys.exit(0)

class Resetter(Player):
    def reset(self, seed):
        raise SystemExit("enough")

class Generator(Player):
    def act(self, observation, info):
        raise GeneratorExit

class Interrupter(Player):
    def act(self, observation, info):
        raise KeyboardInterrupt

class Crasher:
    def __init__(self):
        raise RuntimeError("no luck")

class Nobody:
    reset = 3
"""


@pytest.mark.parametrize(
    ("agent", "code", "sentence"),
    [
        ("leave.py:Any", 2, "importing 'leave.py' failed: SystemExit: it calls sys.exit(0)"),
        ("leave:Any", 2, "importing 'leave' failed: SystemExit: it calls sys.exit(0)"),
        ("leavers.py:Maker", 2, "making the agent 'leavers.py:Maker' failed: SystemExit: it calls sys.exit(0)"),
        ("leavers.py:Crasher", 2, "making the agent 'leavers.py:Crasher' failed: RuntimeError: no luck"),
        ("leavers.py:Nobody", 2, "is of type Nobody, which has no method reset and no act: an agent has reset(seed)"),
        ("leavers.py:Player", 1, "leavers.py:Player broke off 2 of 2 episodes, first with SystemExit: 0"),
        ("leavers.py:Resetter", 1, "broke off 2 of 2 episodes, first with SystemExit: enough"),
        ("leavers.py:Generator", 1, "broke off 2 of 2 episodes, first with GeneratorExit"),
        ("leavers.py:Interrupter", 130, "stopped"),
    ],
)
def test_an_agent_that_leaves_the_program_is_told(
    agent: str,
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "leavers.py").write_text(LEAVERS)
    (tmp_path / "leave.py").write_text("raise SystemExit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "leave", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("hiper_agents.__main__.console", Console(soft_wrap=True))
    for arguments in (["eval", agent, "--env", register_toy(), "--episodes", "2"],):
        monkeypatch.setattr(sys, "argv", ["hiper", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        shown = capsys.readouterr()
        assert stop.value.code == code and sentence in shown.out + shown.err


BREAKER = """
class Breaker:
    def reset(self, seed):
        if seed == 1:
            raise KeyError("the first")

    def act(self, observation, info):
        return "look"
"""


@pytest.mark.parametrize("name", ["my_breaker.py:Breaker", "my_breaker:Breaker"])
def test_an_agent_of_the_working_folder_that_breaks_off_is_told(
    name: str, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_breaker.py").write_text(BREAKER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_breaker", raising=False)
    register_toy()
    evaluate_agents([name], "toy/Rooms-v0", "", 4, 0, console)
    assert f"{name} broke off 1 of 4 episodes, first with KeyError: 'the first'" in written(console)
    for seed, code in ((0, 0), (1, 1)):
        monkeypatch.setattr(sys, "argv", ["hiper", "play", "toy/Rooms-v0", "--agent", name, "--seed", str(seed)])
        with pytest.raises(SystemExit) as stop:
            main()
            sys.exit(0)
        assert stop.value.code == code
    assert f"{name} broke off the episode with KeyError: 'the first'" in " ".join(capsys.readouterr().out.split())


def test_agents_that_cannot_be_imported_get_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong_agent.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "other_agent.py").write_text("agent = 3\n1 / agent.real\n")
    (tmp_path / "worse_agent.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name, sentence in (
        ("wrong_agent:Agent", "'wrong_agent' imports 'nothing_of_this_name', which is not installed"),
        ("other_agent:agent", "is of type int; it must be a class"),
        ("worse_agent.py:Agent", r"importing 'worse_agent.py' failed: ZeroDivisionError"),
    ):
        with pytest.raises(ValueError, match=sentence):
            find_agent(name)
    assert sys.path[-1] == str(tmp_path)


DOWN = """
class Down:
    def __init__(self, seeds=(1, 2)):
        self.seeds = seeds

    def reset(self, seed):
        if seed in self.seeds:
            raise ConnectionRefusedError("the endpoint is down")
        if seed == 3:
            raise KeyError("its own fault")

    def act(self, observation, info):
        return "look"


def never():
    return Down(range(9))
"""


def test_failures_around_an_agent_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my_down.py").write_text(DOWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    arguments = ["hiper", "eval", "my_down.py:Down", "my_down.py:never", "--env", register_toy(), "--episodes", "4"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        main()
    shown = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 1
    assert "my_down.py:Down broke off 1 of 4 episodes, first with KeyError: 'its own fault'" in shown
    assert (
        "2 of 4 episodes failed around my_down.py:Down (its endpoint, the network) and do not count, first with"
        " ConnectionRefusedError: the endpoint is down" in shown
    )
    assert "4 of 4 episodes failed around my_down.py:never" in shown and "none \u2502 none \u2502 none" in shown
    monkeypatch.setattr(sys, "argv", ["hiper", "eval", "random", "--env", register_toy(), "--episodes", "2"])
    main()
