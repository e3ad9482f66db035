"""Agents by name: what loads, and one sentence for what does not."""

from pathlib import Path

import pytest

from hiper_envs.episodes.agents import AgentError
from leaderboard.play.conformance import check_agent
from leaderboard.play.submission import load_agent

TOY = ("toy_world:Toy-v0",)


def test_module_and_path_load_the_same_agent(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from toy_world import Worker\n\n\ndef make_agent():\n    return Worker()\n")
    for name in ("toy_world:Worker", f"{tmp_path}/mine.py:make_agent"):
        assert type(load_agent(name)()).__name__ == "Worker"


def test_nested_attribute_loads() -> None:
    assert load_agent("toy_world:Worker.reset")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy_world", "write module:attribute or path.py:attribute"),
        ("toy_world:", "write module:attribute"),
        ("toy_wurld:Worker", "there is no module 'toy_wurld'"),
        ("toy_world.deeper:Worker", "there is no module 'toy_world.deeper'"),
        ("toy_world:Wroker", "'toy_world' has no 'Wroker'; did you mean 'Worker'?"),
        ("toy_world:NUMBER", "is of type int; it must be a class, or a function"),
        ("nowhere/agent.py:Worker", "there is no file 'nowhere/agent.py'"),
    ],
)
def test_name_that_does_not_load(name: str, message: str) -> None:
    with pytest.raises(AgentError) as caught:
        load_agent(name)
    assert message in str(caught.value)


def test_near_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent.py").touch()
    with pytest.raises(AgentError, match=r"did you mean '.*/agent\.py'\?"):
        load_agent(f"{tmp_path}/agnet.py:Agent")


def test_failing_and_lacking_imports_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text("1 / 0\n")
    (tmp_path / "lacking.py").write_text("import surely_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AgentError, match="importing 'failing' failed: ZeroDivisionError"):
        load_agent("failing:Agent")
    with pytest.raises(AgentError, match="'lacking' imports 'surely_not_installed', which is not installed"):
        load_agent("lacking:Agent")


def test_exception_without_a_readable_text_is_told(tmp_path: Path) -> None:
    fussy = "class Fussy(Exception):\n    def __str__(self):\n        raise ValueError\n\n\n"
    (tmp_path / "made.py").write_text(f"{fussy}def make():\n    raise Fussy\n")
    (tmp_path / "loaded.py").write_text(f"{fussy}raise Fussy\n")
    sentence = r"Fussy: \(its text cannot be read: ValueError\)"
    with pytest.raises(AgentError, match=f"could not be made without arguments: {sentence}"):
        load_agent(f"{tmp_path}/made.py:make")()
    with pytest.raises(AgentError, match=f"importing '.*loaded.py' failed: {sentence}"):
        load_agent(f"{tmp_path}/loaded.py:make")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy_world:Unready", "could not be made without arguments: RuntimeError: no weights"),
        ("toy_world:Actless", "made a Actless without the method act"),
        ("toy_world:ToyEnv", "without the method act"),
    ],
)
def test_agent_that_cannot_be_made(name: str, message: str) -> None:
    with pytest.raises(AgentError, match=message):
        load_agent(name)()


def verdicts(name: str) -> dict[str, str]:
    return {finding.what: finding.verdict for finding in check_agent(name, TOY)}


def test_sound_agent_conforms() -> None:
    assert set(verdicts("toy_world:Worker").values()) == {"pass"}


def test_card_that_is_kept_in_part_is_told(tmp_path: Path) -> None:
    (tmp_path / "agents.py").write_text(
        "from toy_world import Described, Worker\n\n\nclass Odd(Worker):\n    card = {'model': object, 'seed': 7}\n"
        "\n\nclass Odder(Worker):\n    card = 'gpt'\n"
    )
    found = {
        name: next(finding for finding in check_agent(f"{tmp_path}/agents.py:{name}", TOY) if "card" in finding.what)
        for name in ("Worker", "Described", "Odd", "Odder")
    }
    assert {name: finding.verdict for name, finding in found.items()} == {
        "Worker": "pass",
        "Described": "pass",
        "Odd": "warning",
        "Odder": "warning",
    }
    assert found["Described"].detail == "model m, endpoint https://host/v1, tuned True"
    assert found["Odd"].detail == "of its card is kept: seed 7"
    assert found["Odder"].detail == "of its card is kept: nothing"


@pytest.mark.parametrize(
    ("name", "what", "verdict"),
    [
        ("toy_world:Dawdler", "writes <switch>, <subgoal> and <action>", "warning"),
        ("toy_world:Reasoner", "writes <switch>, <subgoal> and <action>", "warning"),
        ("toy_world:Shouter", "chooses admissible actions", "pass"),
        ("toy_world:Meddler", "leaves info as it is", "warning"),
        ("toy_world:Mute", "replies with a string on every turn", "fail"),
        ("toy_world:Forgetful", "plays the same after reset with the same seed", "fail"),
        ("toy_world:Hive", "plays the same as a new agent with the same seed", "fail"),
        ("toy_world:Inventive", "chooses admissible actions", "warning"),
    ],
)
def test_fault_is_found(name: str, what: str, verdict: str) -> None:
    assert verdicts(name)[what] == verdict


def test_agent_that_lacks_a_library_says_what_to_install(tmp_path: Path) -> None:
    raising = "def make():\n    raise MissingExtraError('this needs torch: run pip')\n"
    (tmp_path / "lacking.py").write_text(f"from webshop_server.extras import MissingExtraError\n\n\n{raising}")
    with pytest.raises(AgentError, match=r"lacking\.py:make' cannot be made: this needs torch: run pip$"):
        load_agent(f"{tmp_path}/lacking.py:make")()
