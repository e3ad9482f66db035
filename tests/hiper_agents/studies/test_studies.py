"""A study trains its starts and arms once, goes on where it stopped, and tells what came of them."""

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hiper_agents.studies.command import run_command
from hiper_agents.studies.plan import Cell, list_plans, read_plan
from hiper_agents.studies.results import read_results
from hiper_agents.training.run_lock import hold_folder
from hiper_agents.training.trainer import HISTORY

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
name = "tiny"
env_id = "hiper/ALFWorld-v0"
env_options = { games = "generated", max_episode_steps = 3 }
eval_split = "train_eval"
policy = "language"
policy_options = { sizes = { hidden_size = 16, intermediate_size = 16, num_hidden_layers = 1 }, max_reply_tokens = 4 }
expert_episodes = 2
min_expert_score = 0.0
imitation_epochs = 1
num_envs = 2
evaluation_episodes = 2
"""
PLAN = """
name = "small"
seeds = [4, 7]
[starts.tiny]
config = {config!r}
[settings]
updates = 2
value_updates = 0
episodes_per_update = 2
evaluation_every = 1
evaluations_kept = 1
[arms.hae]
start = "tiny"
[arms.grpo]
start = "tiny"
settings = {{ estimator = "grpo", group_size = 2, policy_options = {{ decoding = "free" }} }}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(CONFIG)
    path = tmp_path / "small.toml"
    path.write_text(PLAN.format(config=str(tmp_path / "tiny.toml")))
    return path


def test_shipped_studies_can_be_read() -> None:
    assert list_plans()
    for name in list_plans():
        plan = read_plan(name)
        assert plan.name == name and len(list(plan.list_cells())) == len(plan.arms) * len(plan.seeds)


def test_cells_go_on_from_their_start(plan: Path) -> None:
    study = read_plan(plan)
    assert list(study.list_cells()) == [Cell("hae", 4), Cell("grpo", 4), Cell("hae", 7), Cell("grpo", 7)]
    config = study.configure_cell(Cell("grpo", 7), Path("/start/model"))
    assert config.policy_options == {"model": "/start/model", "max_reply_tokens": 4, "decoding": "free"}
    assert config.num_imitation_passes == 0 and config.seed == 7 and config.name == "small-grpo"
    assert study.configure_start("tiny").updates == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name = "small"', 'nam = "small"', "did you mean 'name'"),
        ("seeds = [4, 7]", "seeds = [4, 4]", "different whole numbers"),
        ("seeds = [4, 7]", "seeds = []", "a study needs seeds"),
        ('start = "tiny"', 'start = "tidy"', "did you mean 'tiny'"),
        ("updates = 2", "updats = 2", "did you mean 'updates'"),
        ("group_size = 2", "group_size = 1", "compares episodes of one task"),
        ("[settings]", "[settings", "is no study"),
    ],
)
def test_mistakes_get_a_sentence(plan: Path, old: str, new: str, sentence: str) -> None:
    plan.write_text(plan.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=sentence):
        read_plan(plan)


@pytest.mark.slow
def test_a_study_runs_goes_on_and_is_told(plan: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    with (tmp_path / "said").open("w") as file:
        run_command(str(plan), folder, 2, False, Console(file=file, width=200))
    said = (tmp_path / "said").read_text()
    for name in ("starts/tiny", "hae/seed4", "grpo/seed4", "hae/seed7", "grpo/seed7"):
        assert f"{name}: done" in said
    written = {path: path.read_bytes() for path in folder.rglob(HISTORY)}
    assert len(written) == 5
    shutil.rmtree(folder / "grpo" / "seed7")
    with (tmp_path / "again").open("w") as file:
        run_command(str(plan), folder, 1, False, Console(file=file, width=200))
    assert {path: path.read_bytes() for path in written} == written
    assert "grpo" in (tmp_path / "again").read_text()


ENDLESS = """
import sys
from pathlib import Path
from rich.console import Console
from hiper_agents.studies.plan import read_plan
from hiper_agents.studies.run import run_study

if __name__ == "__main__":
    run_study(read_plan(sys.argv[1]), Path(sys.argv[2]), 1, Console())
"""


@pytest.mark.slow
def test_runs_end_with_a_study_that_is_killed(plan: Path, tmp_path: Path) -> None:
    plan.write_text(
        plan.read_text().replace("[starts.tiny]", "[starts.tiny]\nsettings = { imitation_epochs = 10_000 }")
    )
    (tmp_path / "endless.py").write_text(ENDLESS)
    folder = tmp_path / "runs"
    command = [sys.executable, str(tmp_path / "endless.py"), str(plan), str(folder)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)}) as study:
        history = folder / "starts" / "tiny" / HISTORY
        try:
            wait_until(history.is_file, 600.0)
        finally:
            study.kill()
    wait_until(lambda: can_be_held(folder / "starts" / "tiny"))


def wait_until(is_so: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


def can_be_held(folder: Path) -> bool:
    try:
        with hold_folder(folder):
            return True
    except ValueError:
        return False


def write_history(folder: Path, entries: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    (folder / HISTORY).write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def test_results_are_means_of_what_has_come_to_its_end(plan: Path, tmp_path: Path) -> None:
    study, folder = read_plan(plan), tmp_path / "runs"
    write_history(folder / "starts" / "tiny", [{"evaluation": {"success": 0.5}}])
    for seed, after in ((4, 0.7), (7, 0.6)):
        entries = [{"played_success": played, "evaluation": {"success": after}} for played in (0.4, after)]
        write_history(folder / "hae" / f"seed{seed}", entries)
    write_history(folder / "grpo" / "seed4", [{"played_success": 0.3}])
    (result,) = read_results(study, folder)
    assert result.name == "hae" and len(result.cells) == 2
    assert result.before == 0.5 and result.played == pytest.approx([0.4, 0.65])
    assert result.after.value == pytest.approx(0.65) and result.gain.value == pytest.approx(0.15)
    # Student's quantile for one degree of freedom is 12.706, the standard error of 0.7 and 0.6 is 0.05
    assert result.gain.high - result.gain.value == pytest.approx(12.706 * 0.05, rel=1e-3)
    assert not math.isnan(result.gain.low)


def test_nothing_to_show_is_told(plan: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="has come to its end yet"):
        run_command(str(plan), tmp_path / "nowhere", 1, True, Console())
    with pytest.raises(FileNotFoundError, match="no study at"):
        read_plan(tmp_path / "other.toml")
