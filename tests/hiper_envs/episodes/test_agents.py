"""Agents by the name of what makes them."""

from pathlib import Path

import pytest

from hiper_envs.episodes.agents import AgentError, load_factory


def test_modules_and_files_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside.py").write_text("ANSWER = 'wait'\n")
    (tmp_path / "mine.py").write_text("import beside\n\nclass Mine:\n    answer = beside.ANSWER\n")
    assert load_factory(f"{tmp_path}/mine.py:Mine")().answer == "wait"  # type: ignore[attr-defined]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.py").write_text("def make():\n    return 7\n")
    assert load_factory("here:make")() == 7
    assert callable(load_factory("hiper_agents:expert")().act)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("expert", "cannot read the agent 'expert': write module:attribute or path.py:attribute"),
        (":expert", "cannot read the agent"),
        ("hiper_agents:nobody", "'hiper_agents' has no 'nobody'"),
        ("hiper_agents:exprt", "did you mean 'expert'"),
        ("hiper_agents.worlds:WORLDS", "is of type tuple; it must be a class, or a function"),
    ],
)
def test_what_cannot_be_loaded_gets_a_sentence(name: str, message: str) -> None:
    with pytest.raises(AgentError, match=message):
        load_factory(name)
