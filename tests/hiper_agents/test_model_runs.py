"""Language models on panels: the folder of a run is the leaderboard's own, and the suite's two halves never meet."""

import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from rich.console import Console

from hiper_agents import __main__ as command
from hiper_agents.agents.language import LanguageAgent
from hiper_agents.agents.language_policy import LanguagePolicyAgent
from hiper_agents.agents.model_agents import ModelOptions, find_served_model, make_model_agent
from hiper_agents.model_runs import AGENT_FILE, ModelRow, list_rows, play_rows, write_agent
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.server_connection import ServerError
from hiper_envs import SubgoalWrapper, play_episode, write_reply
from leaderboard.panels.freezing import freeze_panel
from leaderboard.panels.panel import write_panel
from leaderboard.play.run import Run, load_run
from leaderboard.scoring.verification import verify_run
from tests.hiper_agents.agents.small_policy import save_small
from tests.hiper_agents.agents.test_chat import FakeEndpoint, FakeHandler
from tests.hiper_agents.policies.language.tiny import save_tiny


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two tasks of at most two turns."""
    frozen = freeze_panel(
        "two-v1",
        "hiper/ALFWorld-v0",
        env_options={"games": "generated", "split": "valid_unseen"},
        num_tasks=2,
        max_turns=2,
    )
    path = tmp_path_factory.mktemp("panels") / "two-v1.json"
    write_panel(frozen, path)
    return str(path)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small(tmp_path_factory.mktemp("models") / "small", has_subgoals=False)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    """An endpoint that serves one model, which always looks around."""

    def do_GET(handler: FakeHandler) -> None:
        assert handler.path == "/v1/models" and handler.headers["Authorization"] == "Bearer none"
        body = json.dumps({"data": [{"id": name} for name in server.served]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr(FakeHandler, "do_GET", do_GET, raising=False)
    server = FakeEndpoint([(200, write_reply("look", "look around", True))])
    server.served = ["org/fake-7B"]
    with server.serving():
        yield server


def read_run(folder: Path) -> Run:
    """Return a run whose every episode replays."""
    run = load_run(folder)
    assert not [checked for checked in verify_run(run) if checked.difference is not None]
    return run


def run_command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "hiper_agents", "eval", *arguments]
    return subprocess.run(program, cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_prompted_model_on_a_panel(tiny: Path, panel: str, tmp_path: Path) -> None:
    done = run_command("--model", str(tiny), "--panel", panel, "--style", "react", "--temperature", "0.9", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = read_run(tmp_path / "runs" / "two-v1" / "tiny-react")
    assert [episode.num_turns for episode in run.recorded] == [2, 2] and not any(each.error for each in run.recorded)
    assert run.header.name == "tiny-react" and run.header.agent.endswith(f"tiny-react/{AGENT_FILE}:agent")
    assert run.header.card is not None
    assert run.header.card["prompt_style"] == "react" and run.header.card["temperature"] == 0.9


@pytest.mark.slow
def test_a_trained_policy_on_a_panel(small: Path, panel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = list_rows(str(small), {"decoding": "admissible"})
    assert [row.name for row in rows] == ["small"]
    assert play_rows(rows, panel, episodes=1) == 0
    folder = Path("runs/two-v1/small")
    first = read_run(folder)
    assert len(first.recorded) == 1 and first.header.card is not None and first.header.card["decoding"] == "admissible"
    assert play_rows(rows, panel) == 0  # goes on
    assert [episode.error for episode in read_run(folder).recorded] == [None, None]
    with pytest.raises(ValueError, match="holds a run of another agent"):
        play_rows(list_rows(str(small), {"decoding": "free"}), panel)
    assert "'admissible'" in (folder / AGENT_FILE).read_text() and not (folder / "__pycache__").exists()


def test_an_endpoint_in_two_styles_on_a_panel(endpoint: FakeEndpoint, panel: str, tmp_path: Path) -> None:
    rows = list_rows(endpoint.url, {}, ["react", "plan-execute"])
    assert [row.name for row in rows] == ["fake-7B-react", "fake-7B-plan-execute"]
    assert play_rows(rows, panel, out=tmp_path) == 0
    for row in rows:
        run = read_run(tmp_path / row.name)
        assert [episode.num_turns for episode in run.recorded] == [2, 2]
        assert not any(episode.error for episode in run.recorded)
        card = run.header.card
        assert card is not None and card["model"] == "org/fake-7B" and card["prompt_style"] == row.options.style
    for request, words in ((endpoint.requests[0], "Think briefly"), (endpoint.requests[-1], "numbered plan")):
        assert request["model"] == "org/fake-7B" and request["temperature"] == 0.4
        assert words in request["messages"][0]["content"]


@pytest.mark.slow
def test_what_comes_to_nothing_leaves_nothing(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert play_rows(list_rows(str(small), {}), "alfworld-unseen-v9") == 2
    assert not list(tmp_path.iterdir())
    broken = [ModelRow("broken", ModelOptions("nowhere/at/all"))]
    assert play_rows(broken, "alfworld-demo-v2", episodes=1) == 2
    assert not list(tmp_path.iterdir())


def test_a_model_among_agents_in_a_table(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=StringIO(), width=200, force_terminal=False)
    monkeypatch.setattr(command, "console", console)
    command.evaluate(("random",), episodes=2, model=str(small), decoding="admissible", name="mine")
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "mine" in told and "random" in told and "2 tasks" in told


def test_models_are_asked_as_they_can_be(tiny: Path, small: Path) -> None:
    assert isinstance(make_model_agent(str(tiny), style="react"), LanguageAgent)
    held = make_model_agent(str(tiny), decoding="admissible")
    assert isinstance(held, LanguagePolicyAgent)
    assert held.card["layout"] == "chat" and held.card["decoding"] == "admissible"
    assert torch.get_num_threads() == 1
    assert make_model_agent(str(tiny), layout="compact", dtype="float16").card["dtype"] == "float16"  # type: ignore[attr-defined]
    trained = make_model_agent(str(small), temperature=0)
    assert isinstance(trained, LanguagePolicyAgent) and trained.card["temperature"] == 0
    assert make_model_agent(str(tiny), dtype="bfloat16").card["dtype"] == "bfloat16"  # type: ignore[attr-defined]
    for model, options, sentence in [
        (tiny, {"style": "react", "decoding": "format"}, "answered freely: leave decoding and layout out"),
        (tiny, {"style": "reakt"}, "did you mean 'react'"),
        (tiny, {"decoding": "admisible"}, "did you mean 'admissible'"),
        (tiny, {"served_model": "x"}, "leave served-model out"),
        (tiny, {"temperature": -1}, "temperature"),
        (tiny, {"stile": "react"}, "did you mean 'style'"),
        (small, {"style": "react"}, "leave style out"),
        (small, {"layout": "chat"}, "leave layout out"),
        ("http://127.0.0.1:1/v1", {"decoding": "format", "served_model": "x"}, "answers freely"),
        ("http://127.0.0.1:1/v1", {"device": "cpu", "served_model": "x"}, "leave device out"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            make_model_agent(str(model), **options)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="there is no folder"):
        make_model_agent(str(tiny / "nowhere" / "at" / "all"))


def test_a_prompted_model_can_be_held_to_the_format(tiny: Path) -> None:
    world = SubgoalWrapper(gym.make("hiper/ALFWorld-v0", games="generated", max_episode_steps=3))
    episode = play_episode(world, make_model_agent(str(tiny), decoding="format", temperature=1), task=0)
    assert episode.error is None and all(turn.reply.startswith("<switch>") for turn in episode.turns)


def test_endpoints_say_what_they_serve(endpoint: FakeEndpoint) -> None:
    assert find_served_model(endpoint.url) == "org/fake-7B"
    endpoint.served = ["a", "b"]
    with pytest.raises(ValueError, match="serves a, b: name the model with --served-model"):
        list_rows(endpoint.url, {})
    endpoint.served = []
    with pytest.raises(ValueError, match="serves no model"):
        list_rows(endpoint.url, {})
    assert [row.name for row in list_rows(endpoint.url, {"served_model": "b"}, ["hiper", "react"])] == [
        "b-hiper",
        "b-react",
    ]
    with pytest.raises(ServerError, match=r"cannot be asked: .*; name the model with --served-model"):
        find_served_model("http://127.0.0.1:1/v1")
    with pytest.raises(ValueError, match="leave the key out of the endpoint's address"):
        list_rows("https://me:secret@example.org/v1", {})
    with pytest.raises(ValueError, match="is no endpoint: write http"):
        list_rows("ftp://example.org/v1", {})


def test_names_of_rows(tiny: Path) -> None:
    def names(*arguments: Any) -> list[str]:
        return [row.name for row in list_rows(*arguments)]

    assert names("Qwen/Qwen2.5-7B-Instruct", {}) == ["Qwen2.5-7B-Instruct-hiper"]
    assert names("Qwen/.Qwen 2.5: é", {}) == ["Qwen-2.5-é-hiper"]
    assert names(str(tiny) + "/", {}, ["react", "react"]) == ["tiny-react"]
    assert names(str(tiny), {}, ["react"], "mine") == ["mine"]
    assert names(str(tiny), {}, ["react", "hiper"], "mine") == ["mine-react", "mine-hiper"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--style", "react"], "--style is not for this: it is an option of --model"),
        (["--panel", "alfworld-demo-v2"], "--panel is not for this: it is an option of --model"),
        (["--model", "SMALL", "--out", "x"], "--out is not for this: it is an option of --panel"),
        (["hiper", "--model", "SMALL", "--panel", "alfworld-demo-v2"], "--agents is not for this: a panel has its own"),
        (["--model", "SMALL", "--style", "react"], "reads and writes as it was trained: leave style out"),
        (["--model", "SMALL", "--style", "reakt"], "did you mean 'react'"),
        (["--model", "SMALL", "--name", "../up"], "a name cannot be '../up'"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str],
    sentence: str,
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [str(small) if word == "SMALL" else word for word in arguments]
    monkeypatch.setattr(sys, "argv", ["hiper", "eval", *given])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2 and sentence in " ".join(capsys.readouterr().err.split())


def test_a_run_says_which_agent_it_is(small: Path, tmp_path: Path) -> None:
    row = list_rows(str(small), {"temperature": 0.0})[0]
    assert isinstance(row, ModelRow)
    code = write_agent(row.options, tmp_path / AGENT_FILE)
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert scope["agent"]().card == row.make().card  # type: ignore[attr-defined]
