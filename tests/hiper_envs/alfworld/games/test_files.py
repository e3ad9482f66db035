"""Folders of games: what is played, what is left out, what is remembered."""

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from hiper_envs.alfworld import sources
from hiper_envs.alfworld.games import files
from hiper_envs.alfworld.games.files import read_manifest
from hiper_envs.alfworld.games.paths import name_task
from hiper_envs.alfworld.games.problem import load_fields
from hiper_envs.alfworld.sources import open_files, open_games

TASK = "pick_and_place_simple-Mug-None-Desk-308"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    return tmp_path / "cache"


def add_game(split: Path, task: str, trial: str, task_type: str = "pick_and_place_simple", **fields: object) -> Path:
    folder = split / task / trial
    folder.mkdir(parents=True)
    (folder / "traj_data.json").write_text(json.dumps({"task_type": task_type}))
    game = folder / "game.tw-pddl"
    game.write_text(json.dumps({"pddl_problem": trial, "solvable": True, **fields}))
    return game


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The user's data, laid out as alfworld-download does."""
    split = tmp_path / "data" / "json_2.1.1" / "train"
    add_game(split, TASK, "trial_2")
    add_game(split, TASK, "trial_1")
    add_game(split, "pick_two_obj_and_place-Mug-None-Desk-308", "trial_1", "pick_two_obj_and_place")
    add_game(split, "pick_and_place_with_movable_recep-Mug-Bowl-Desk-308", "trial_1")
    add_game(split, "pick_cool_then_place_in_recep-AppleSliced-None-Desk-1", "trial_1")
    add_game(split, "pick_none", "trial_1", "pick_nothing")
    add_game(split, "unsolvable", "trial_1", solvable=False)
    add_game(split, "unmarked", "trial_1", solvable=None)
    add_game(split, "broken", "trial_1").write_text("{")
    return tmp_path / "data"


PLAYED = [f"{TASK}/trial_1", f"{TASK}/trial_2", "pick_two_obj_and_place-Mug-None-Desk-308/trial_1"]


def test_plays_what_the_official_loader_plays(data: Path) -> None:
    manifest = read_manifest(data / "json_2.1.1" / "train")
    assert [name_task(file.path) for file in manifest.playable] == PLAYED
    assert manifest.counts == {
        "playable": 3,
        files.UNSUPPORTED: 2,
        files.OTHER_TASK: 1,
        files.UNSOLVABLE: 1,
        files.UNMARKED: 1,
        files.BROKEN: 1,
    }
    assert "3 playable games of 9" in manifest.describe() and "1 marked as unsolvable" in manifest.describe()


def test_what_cannot_be_read_is_left_out_until_it_can(data: Path, tmp_path: Path) -> None:
    folders = [data / "json_2.1.1" / "train" / "pick_odd" / f"trial_{number}" for number in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
    os.mkfifo(folders[0] / "game.tw-pddl")
    (folders[1] / "game.tw-pddl").mkdir()
    (folders[2] / "game.tw-pddl").symlink_to(tmp_path / "later")
    for _ in range(2):
        assert read_manifest(data).counts[files.UNREADABLE] == 3
        assert open_games(data, "train").tasks == tuple(PLAYED)
    (tmp_path / "later").write_text('{"solvable": true}')
    games = open_games(data, "train")
    assert games.tasks == (*PLAYED[:2], "pick_odd/trial_2", PLAYED[2])
    assert games.left_out["pick_odd/trial_0"] == f"{folders[0]}/game.tw-pddl is left out: not readable"
    assert games.left_out["broken/trial_1"].endswith("game.tw-pddl is left out: not JSON")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b'\xef\xbb\xbf{"solvable": true}', files.PLAYABLE),
        ('{"solvable": true}'.encode("utf-16"), files.PLAYABLE),
        (b'{"solvable": true, "walkthrough": NaN}', files.PLAYABLE),
        (b'{"solvable": true, "walkthrough": "caf\xe9"}', files.BROKEN),
        (b'{"solvable": true, "walkthrough": %s}' % (b"9" * 5000), files.BROKEN),
        (b'{"solvable": true, "walkthrough": %s}' % (b"[" * 200_000), files.BROKEN),
        (b'[{"solvable": true}]', files.BROKEN),
        (b'{"solvable": "false"}', files.UNMARKED),
        (b'{"solvable": 1}', files.UNMARKED),
    ],
)
def test_a_folder_lists_as_playable_what_can_be_read(tmp_path: Path, content: bytes, status: str) -> None:
    game = add_game(tmp_path / "games", "pick_odd", "trial_1")
    trajectory = game.with_name("traj_data.json")
    trajectory.write_bytes(b"\xef\xbb\xbf" + trajectory.read_bytes())
    for written in (content, gzip.compress(content)):
        game.write_bytes(written)
        assert read_manifest(tmp_path / "games").counts == {status: 1}
        if status == files.PLAYABLE:
            assert load_fields(game)["solvable"] is True


def test_second_look_reads_no_game(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_manifest(data)
    assert first.num_changed == 9
    monkeypatch.setattr(files, "_inspect", None)
    second = read_manifest(data)
    assert second.num_changed == 0
    assert (second.files, second.digest) == (first.files, first.digest)


def test_changed_new_and_removed_games_are_noticed(data: Path) -> None:
    first = read_manifest(data)
    split = data / "json_2.1.1" / "train"
    (split / TASK / "trial_1" / "game.tw-pddl").write_text(json.dumps({"pddl_problem": "other", "solvable": True}))
    second = read_manifest(data)
    assert second.num_changed == 1 and second.digest != first.digest
    add_game(split, TASK, "trial_0")
    (split / TASK / "trial_2" / "game.tw-pddl").unlink()
    third = read_manifest(data)
    assert third.num_changed == 1
    assert [name_task(file.path).rpartition("/")[2] for file in third.playable] == ["trial_0", "trial_1", "trial_1"]
    assert read_manifest(data).num_changed == 0


def test_nothing_is_written_among_the_games(data: Path, cache: Path) -> None:
    before = sorted(data.rglob("*"))
    read_manifest(data)
    assert sorted(data.rglob("*")) == before
    assert [path.suffix for path in cache.rglob("*") if path.is_file()] == [".json"]


def test_broken_or_foreign_manifests_are_made_again(data: Path, cache: Path) -> None:
    read_manifest(data)
    (place,) = (path for path in cache.rglob("*.json"))
    for content in ("{", "{}", json.dumps({"folder": "x", "files": [], "version": 999})):
        place.write_text(content)
        assert len(read_manifest(data).files) == 9


def test_unwritable_cache_does_not_stop_the_games(data: Path, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    assert len(read_manifest(data).playable) == 3


def test_real_games_come_before_generated_ones(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(data))
    assert list(open_games(None, "train").tasks) == PLAYED
    assert len(open_games(None, "valid_seen").tasks) == 140, "no such folder in the data: generated"


@pytest.mark.parametrize("inner", [".", "json_2.1.1", "json_2.1.1/train"])
def test_folder_may_be_given_at_any_level(data: Path, inner: str) -> None:
    assert list(open_games(data / inner, "train").tasks) == PLAYED


def test_missing_split_and_folder_are_explained(data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"valid_seen.*alfworld-download"):
        open_games(data / "json_2.1.1", "valid_seen")
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        open_games(tmp_path / "nowhere", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="0 playable games of 0"):
        open_games(tmp_path / "empty", "train")


def test_lists_of_files_keep_their_order(data: Path) -> None:
    split = data / "json_2.1.1" / "train"
    paths = [split / task / "game.tw-pddl" for task in reversed(PLAYED)]
    assert list(open_files(paths).tasks) == list(reversed(PLAYED))
    assert list(open_files(paths[1:]).tasks) == ["trial_2", "trial_1"]
    assert open_files(paths).find_file(PLAYED[0]) == paths[2]


def test_bad_lists_of_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty list"):
        open_games([], "train")
    with pytest.raises(ValueError, match="must end in"):
        open_games([tmp_path / "game.txt"], "train")
    (tmp_path / "game.txt").touch()
    with pytest.raises(ValueError, match=r"game.txt is no game file: its name must end in .tw-pddl or .tw-pddl.gz"):
        open_games(str(tmp_path / "game.txt"), "train")
    with pytest.raises(FileNotFoundError, match=r"no game file .*game\.tw-pddl"):
        open_games(tmp_path / "game.tw-pddl", "train")
    (tmp_path / "a.tw-pddl").touch()
    with pytest.raises(ValueError, match="twice"):
        open_games([tmp_path / "a.tw-pddl", tmp_path / ".." / tmp_path.name / "a.tw-pddl"], "train")


@pytest.mark.parametrize("games", [3, 3.5, True, b"games", {"a": 1}, ["a.tw-pddl", 3], [None], object()])
def test_games_of_another_type_are_refused(games: Any) -> None:
    with pytest.raises(ValueError, match=r"^games= takes .*, not .*"):
        open_games(games, "train")


def test_names_of_tasks() -> None:
    assert name_task("a/b/game.tw-pddl") == "a/b"
    assert name_task("a/mug.tw-pddl.gz") == "a/mug"
    assert name_task("game.tw-pddl") == ""


def test_environments_on_one_file_share_the_game(shared: Path, tmp_path: Path) -> None:
    game = next((shared / "gold" / "alfworld" / "games").glob("*.gz"))
    copy = tmp_path / "mine.tw-pddl"
    copy.write_bytes(gzip.decompress(game.read_bytes()))
    first = open_games(copy, "train").load("mine")
    assert open_games(copy, "train").load("mine") is first
    os.utime(copy, (1, 1))
    assert open_games(copy, "train").load("mine") is not first
    assert sources.SPLITS == ("train", "train_eval", "valid_seen", "valid_unseen")


@pytest.mark.slow
def test_second_start_over_all_real_folders_takes_under_a_second(tmp_path: Path) -> None:
    """8,810 games in as many folders, as in ALFWorld's training data; the files are small, for only stamps are read."""
    for number in range(8810):
        folder = tmp_path / "data" / f"task_{number // 4}" / f"trial_{number}"
        folder.mkdir(parents=True)
        (folder / "game.tw-pddl").write_text('{"solvable": true}')
    assert len(read_manifest(tmp_path / "data").playable) == 8810
    times = []
    for _ in range(3):
        start = time.process_time()
        manifest = read_manifest(tmp_path / "data")
        times.append(time.process_time() - start)
    assert manifest.num_changed == 0
    assert min(times) < 1.0
