"""Panels are frozen: the same arguments give the same file, and no edit and no other world goes unnoticed."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.task_types import TASK_KINDS, task_type
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.freezing import draw_tasks, freeze_panel
from leaderboard.panels.panel import Panel, load_panel, seal_panel, write_panel
from leaderboard.play.runner import run_panel


def test_freezing_is_deterministic(panel: Panel) -> None:
    again = freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8)
    assert again == panel and len(panel.world) == 64 and len(panel.tasks) == 12


def test_drawn_tasks_depend_on_the_seed_alone() -> None:
    panels = [
        freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8, num_tasks=6, seed=seed).digest for seed in (1, 1, 2)
    ]
    assert panels[0] == panels[1] != panels[2]


def test_too_many_tasks_are_refused() -> None:
    with pytest.raises(PanelError, match="cannot draw 13 tasks: 'toy_world:Toy-v0' has 12"):
        freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8, num_tasks=13)


@given(st.lists(st.sampled_from([*TASK_KINDS, "goal"]), min_size=1, max_size=60), st.data())
def test_drawn_tasks_are_even_over_types(types: list[str], data: st.DataObject) -> None:
    tasks = [f"{kind}-{number}" for number, kind in enumerate(types)]
    num_tasks = data.draw(st.integers(1, len(tasks)))
    drawn = draw_tasks(tasks, num_tasks, random.Random(0))
    assert len(set(drawn)) == num_tasks and drawn == [task for task in tasks if task in drawn]
    counts = {kind: sum(task_type(task) == kind for task in drawn) for kind in {task_type(task) for task in tasks}}
    most = max(counts.values())
    for kind, count in counts.items():
        is_used_up = count == sum(task_type(task) == kind for task in tasks)
        assert is_used_up or count >= most - 1


def test_file_reads_back(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    assert load_panel(tmp_path / "toy.json") == panel
    assert (tmp_path / "toy.json").read_text().count("\n") == 12 + 11


def test_edit_is_noticed(panel: Panel, tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    write_panel(panel, path)
    path.write_text(path.read_text().replace('-3",2]', '-5",99]'))
    with pytest.raises(PanelError, match="was edited after it was frozen"):
        load_panel(path)


def test_changed_world_is_noticed(panel: Panel, tmp_path: Path) -> None:
    changed = seal_panel(msgspec.structs.replace(panel, env_options={"manners": "There was"}))
    with pytest.raises(PanelError, match="has changed since it was frozen: its fingerprint was"):
        run_panel("toy_world:Worker", changed, tmp_path, num_workers=0)


def test_missing_task_is_noticed(panel: Panel, tmp_path: Path) -> None:
    smaller = seal_panel(msgspec.structs.replace(panel, env_options={"tasks": ["pick_and_place_simple-2"]}))
    with pytest.raises(PanelError, match="has no task 'pick_two_obj_and_place-1'"):
        run_panel("toy_world:Worker", smaller, tmp_path, num_workers=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not a panel"),
        (b'{"name": "a"}', "missing required field `description`"),
        (b'{"nme": "a"}', "is not a panel"),
    ],
)
def test_bad_file_is_described(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(PanelError, match=message):
        load_panel(path)


def test_repeated_and_missing_tasks_are_refused(panel: Panel, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    for tasks, message in ((panel.tasks[:1] * 2, "same task with the same seed twice"), ((), "has no tasks")):
        write_panel(seal_panel(msgspec.structs.replace(panel, tasks=tasks)), path)
        with pytest.raises(PanelError, match=message):
            load_panel(path)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a b"])
def test_name_that_is_no_file_name_is_refused(panel: Panel, tmp_path: Path, name: str) -> None:
    write_panel(seal_panel(msgspec.structs.replace(panel, name=name)), tmp_path / "bad.json")
    with pytest.raises(PanelError, match="use letters, digits"):
        load_panel(tmp_path / "bad.json")


def test_unknown_world_and_missing_file_are_described(panel: Panel, tmp_path: Path) -> None:
    with pytest.raises(PanelError, match="cannot make the world 'Nowhere-v0'"):
        seal_panel(msgspec.structs.replace(panel, env_id="Nowhere-v0")).make_env()
    with pytest.raises(PanelError, match="No such file"):
        load_panel(tmp_path / "none.json")
    with pytest.raises(PanelError, match="unknown panel 'alfworld'"):
        load_panel("alfworld")


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("pick_clean_then_place_in_recep-Mug-None-Shelf-10/trial_T2019", "clean"),
        ("look_at_obj_in_light-Bowl-None-DeskLamp-304", "look at"),
        ("goal-12", ""),
    ],
)
def test_type_is_read_off_the_id(task: str, kind: str) -> None:
    assert task_type(task) == kind
