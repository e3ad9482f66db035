"""Panels are frozen: the same arguments give the same file, and no edit and no other world goes unnoticed."""

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.task_types import TASK_KINDS, task_type
from leaderboard.panels.fingerprint import PanelError, PanelTask, make_world
from leaderboard.panels.freezing import ALFWORLD, WEBSHOP, draw_tasks, freeze_panel
from leaderboard.panels.panel import Panel, load_panel, seal_panel, shipped_digest, write_panel
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


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=60), st.integers(1, 4), st.data())
def test_no_group_has_more_than_its_share(groups: list[str], most: int, data: st.DataObject) -> None:
    tasks = [f"goal-{number}" for number in range(len(groups))]
    group_of = dict(zip(tasks, groups, strict=True)).__getitem__
    available = sum(min(most, count) for count in Counter(groups).values())
    num_tasks = data.draw(st.one_of(st.none(), st.integers(1, len(tasks))))
    drawn = draw_tasks(tasks, num_tasks, random.Random(0), group_of, most)
    assert len(set(drawn)) == len(drawn) == min(available, num_tasks or available)
    assert drawn == [task for task in tasks if task in drawn]
    assert max(Counter(map(group_of, drawn)).values()) <= most


def test_groups_that_allow_too_few_tasks_are_told() -> None:
    arguments: dict[str, Any] = {"env_options": {"split": "test_disjoint"}, "max_turns": 15, "max_per_group": 1}
    assert len(freeze_panel("few-v1", "hiper/WebShop-v0", num_tasks=30, **arguments).tasks) == 30
    with pytest.raises(PanelError, match="cannot draw 60 tasks with at most 1 a group: 'hiper/WebShop-v0' has 48 so"):
        freeze_panel("few-v1", "hiper/WebShop-v0", num_tasks=60, **arguments)
    with pytest.raises(PanelError, match=r"'toy_world:Bare-v0' does not say which of its tasks belong .*\(group_of\)"):
        freeze_panel("toy-v1", "toy_world:Bare-v0", max_turns=8, max_per_group=1)


def test_file_reads_back(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    assert load_panel(tmp_path / "toy.json") == panel
    assert (tmp_path / "toy.json").read_text().count("\n") == 12 + 11


@pytest.fixture
def clustered(panel: Panel) -> Panel:
    """The toy panel with its tasks in three clusters."""
    return freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8, cluster_key="rest")


def test_clusters_are_frozen_and_read_back(panel: Panel, clustered: Panel, tmp_path: Path) -> None:
    assert clustered.cluster_key == "rest" and clustered.tasks == panel.tasks and clustered.digest != panel.digest
    assert clustered.find_clusters() == {row: str(int(row.task.rpartition("-")[2]) % 3) for row in panel.tasks}
    write_panel(clustered, tmp_path / "toy.json")
    assert load_panel(tmp_path / "toy.json") == clustered


def test_panels_without_clusters_are_as_they_always_were(panel: Panel, tmp_path: Path) -> None:
    write_panel(panel, tmp_path / "toy.json")
    assert not {"cluster_key", "clusters", "task_digests"} & set(json.loads((tmp_path / "toy.json").read_text()))
    assert panel.find_clusters() == {row: row.task for row in panel.tasks}
    digests = {name: load_panel(name).digest[:12] for name in ("alfworld-demo-v1", "webshop-test-v1")}
    assert digests == {"alfworld-demo-v1": "a36286346506", "webshop-test-v1": "c4cac71f17b9"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clusters": ("1",)}, "has 1 clusters for 12 tasks: it takes one label for each task"),
        ({"clusters": ()}, "has the cluster key 'rest' and 0 clusters: it takes both cluster_key and clusters"),
        ({"cluster_key": ""}, "has the cluster key '' and 12 clusters"),
        ({"cluster_key": "a b"}, "has the cluster key 'a b': use letters, digits"),
        ({"clusters": ("",) * 12}, "has a task whose cluster has no label"),
    ],
)
def test_clusters_that_do_not_fit_are_refused(
    clustered: Panel, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    write_panel(seal_panel(msgspec.structs.replace(clustered, **changes)), tmp_path / "bad.json")
    with pytest.raises(PanelError, match=message):
        load_panel(tmp_path / "bad.json")


def test_edited_clusters_are_noticed(clustered: Panel, tmp_path: Path) -> None:
    path = tmp_path / "toy.json"
    write_panel(clustered, path)
    for old, new in (('"clusters": ["1",', '"clusters": ["2",'), ('"cluster_key": "rest"', '"cluster_key": "scene"')):
        text = path.read_text()
        assert old in text
        (tmp_path / "edited.json").write_text(text.replace(old, new))
        with pytest.raises(PanelError, match="was edited after it was frozen"):
            load_panel(tmp_path / "edited.json")


def test_clusters_are_the_worlds_own(clustered: Panel) -> None:
    """Sealed anew, such a panel is whole; the world knows better."""
    clustered.make_env(may_import=True)
    wrong = seal_panel(msgspec.structs.replace(clustered, clusters=("2", *clustered.clusters[1:])))
    with pytest.raises(PanelError, match=r"the rest of task '\S+-1' is '2', and the world that it is '1': freeze"):
        wrong.make_env(may_import=True)
    seal_panel(msgspec.structs.replace(wrong, cluster_key="mine")).make_env(may_import=True)


@pytest.mark.parametrize(
    ("digests", "message"),
    [
        (("0" * 64,), "has 1 task_digests for 12 tasks: it takes one for each task, or none"),
        (("0" * 64,) * 13, "has 13 task_digests for 12 tasks"),
        (("0" * 64,) * 11 + ("0" * 63,), "has the task digest '0+': a SHA-256 is 64 digits from 0-9 and a-f"),
        (("0" * 64,) * 11 + ("F" * 64,), "has the task digest 'F+'"),
        (("0" * 64,) * 11 + ("0" * 64 + "\n",), "has the task digest '0+"),
        (("",) * 12, "has the task digest ''"),
        (("0" * 64,) * 12, ""),
    ],
)
def test_task_digests_are_checked_when_read(
    panel: Panel, tmp_path: Path, digests: tuple[str, ...], message: str
) -> None:
    sealed = seal_panel(msgspec.structs.replace(panel, task_digests=digests))
    write_panel(sealed, tmp_path / "toy.json")
    if message:
        with pytest.raises(PanelError, match=message):
            load_panel(tmp_path / "toy.json")
        return
    assert load_panel(tmp_path / "toy.json") == sealed and sealed.digest != panel.digest
    (tmp_path / "toy.json").write_text((tmp_path / "toy.json").read_text().replace('"' + "0" * 64, '"1' + "0" * 63, 1))
    with pytest.raises(PanelError, match="was edited after it was frozen"):
        load_panel(tmp_path / "toy.json")


def test_task_digests_need_a_world_of_files(panel: Panel) -> None:
    sealed = seal_panel(msgspec.structs.replace(panel, task_digests=("0" * 64,) * 12))
    with pytest.raises(PanelError, match="knows the files of its games by their digests, and the world made has no"):
        sealed.make_env()


def test_unknown_cluster_keys_are_described() -> None:
    with pytest.raises(PanelError, match=r"unknown cluster key of 'toy_world:Toy-v0' 'rset'; .* did you mean 'rest'"):
        freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8, cluster_key="rset")
    with pytest.raises(PanelError, match="'toy_world:Bare-v0' does not tell what tasks share"):
        freeze_panel("toy-v1", "toy_world:Bare-v0", max_turns=8, cluster_key="rest")


def test_worlds_of_the_suite_tell_clusters() -> None:
    shop = freeze_panel("shop-v1", WEBSHOP, num_tasks=12, max_turns=15, cluster_key="product")
    assert all(label.startswith("B") for label in shop.clusters) and 1 < len(set(shop.clusters)) <= 12
    house = freeze_panel(
        "house-v1",
        ALFWORLD,
        num_tasks=12,
        max_turns=50,
        env_options={"split": "valid_unseen", "games": "generated"},
        cluster_key="scene",
    )
    assert set(house.clusters) <= {"10", "219", "308", "424"}


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


@pytest.mark.parametrize("name", ["alfworld-demo-v1", "webshop-test-v1", "ALFWorld-Demo-V1"])
def test_shipped_name_has_the_shipped_digest(panel: Panel, tmp_path: Path, name: str) -> None:
    forged = seal_panel(msgspec.structs.replace(panel, name=name))
    write_panel(forged, tmp_path / "forged.json")
    with pytest.raises(
        PanelError, match=rf"has the name of the shipped '{name.lower()}' and is another one: its digest"
    ):
        load_panel(tmp_path / "forged.json")


def test_fewer_tasks_of_a_shipped_panel_are_another_panel(tmp_path: Path) -> None:
    shipped = load_panel("alfworld-demo-v1")
    easier = seal_panel(msgspec.structs.replace(shipped, tasks=shipped.tasks[:3]))
    write_panel(easier, tmp_path / "easier.json")
    with pytest.raises(PanelError, match="is another one"):
        load_panel(tmp_path / "easier.json")
    write_panel(msgspec.structs.replace(shipped, description="In other words."), tmp_path / "same.json")
    assert load_panel(tmp_path / "same.json").digest == shipped.digest == shipped_digest("alfworld-demo-v1")


@pytest.mark.parametrize(
    "change",
    [{"max_turns": 0}, {"max_turns": -5}, {"tasks": (PanelTask("a", -1),)}, {"tasks": (PanelTask("a", 2**63),)}],
)
def test_numbers_that_no_world_takes_are_refused(panel: Panel, tmp_path: Path, change: dict[str, Any]) -> None:
    write_panel(seal_panel(msgspec.structs.replace(panel, **change)), tmp_path / "bad.json")
    with pytest.raises(PanelError, match="has a limit of turns below 1, or a seed that is not between"):
        load_panel(tmp_path / "bad.json")


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "аlfworld-demo-v1"])  # noqa: RUF001  a Cyrillic letter
def test_freezing_writes_no_other_name(name: str) -> None:
    with pytest.raises(PanelError, match="use letters, digits"):
        freeze_panel(name, "toy_world:Toy-v0", max_turns=8)


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


def test_a_limit_of_the_worlds_own_must_not_come_first() -> None:
    with pytest.raises(PanelError, match="it ends episodes after 50 turns, before 51: set its option max_turns to 51"):
        make_world("hiper/ALFWorldLong-v0", {"num_goals": 1}, 51)
    for max_turns, options in ((50, {}), (9, {}), (51, {"max_turns": 51})):
        env = make_world("hiper/ALFWorldLong-v0", {"num_goals": 1, **options}, max_turns)
        env.reset(seed=0)
        assert next(turn for turn in range(1, 99) if env.step("look")[3]) == max_turns


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


@pytest.mark.parametrize(
    ("env_id", "option"), [("hiper/ALFWorld-v0", "games"), ("hiper/WebShop-v0", "data"), ("hiper/ALFWorld-v0", "list")]
)
def test_world_with_a_pipe_among_its_files_is_refused(panel: Panel, tmp_path: Path, env_id: str, option: str) -> None:
    (tmp_path / "trial").mkdir()
    os.mkfifo(tmp_path / "trial/game.tw-pddl")
    (tmp_path / "link.tw-pddl").symlink_to("/dev/zero")
    given = {"games": [str(tmp_path / "link.tw-pddl")]} if option == "list" else {option: str(tmp_path)}
    with pytest.raises(PanelError, match="is neither a file nor a folder, so that reading it may never end"):
        seal_panel(msgspec.structs.replace(panel, env_id=env_id, env_options=given)).make_env()
