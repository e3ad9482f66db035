"""The shipped panels are what their recipes say, and the real worlds play and replay them."""

import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from hiper_envs import write_reply
from hiper_envs.task_types import task_type
from hiper_envs.webshop import catalogues
from leaderboard.panels.fingerprint import PanelError
from leaderboard.panels.freezing import (
    ALFWORLD,
    REAL_1K_DIGEST,
    RECIPES,
    freeze_recipe,
    lacks_data,
    name_needed_data,
)
from leaderboard.panels.panel import SUPERSEDED, load_panel, panel_names
from leaderboard.play.run_folder import load_run
from leaderboard.play.runner import run_panel
from leaderboard.scoring.verification import verify_run
from tests.products import DATA, make_raw
from webshop_server.catalogue import nouns
from webshop_server.catalogue.builder import build_archive

REAL_PANELS = ("webshop-real-1k-test-v1", "webshop-real-1k-v1")


class Wanderer:
    """Takes an admissible action at random."""

    def reset(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        actions = info["admissible_actions"]
        assert isinstance(actions, list)
        return write_reply(self.rng.choice(actions), "wander", self.rng.random() < 0.3)


def test_every_recipe_is_shipped() -> None:
    assert panel_names() == [*sorted(RECIPES), *SUPERSEDED]


@pytest.mark.parametrize("name", SUPERSEDED)
def test_superseded_panels_are_played_as_ever(name: str) -> None:
    load_panel(name).make_env().close()


@pytest.fixture
def real_data(shared: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the real products, named as a user names it."""
    pytest.importorskip("spacy", reason="nouns of real titles need the extra spacy")
    monkeypatch.setenv("WEBSHOP_DATA", str(shared / DATA))
    return shared / DATA


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if not name_needed_data(name)])
def test_panel_freezes_again_to_the_same(name: str) -> None:
    assert freeze_recipe(name) == load_panel(name), "a world has changed: leaderboard refreeze"


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_PANELS)
def test_panel_of_real_products_freezes_again_to_the_same(name: str, real_data: Path) -> None:
    assert freeze_recipe(name) == load_panel(name), "the shop has changed: set WEBSHOP_DATA and leaderboard refreeze"


@pytest.mark.parametrize(
    ("name", "num_tasks", "num_products", "most"),
    [("webshop-test-v2", 200, 124, 2), ("webshop-demo-v2", 30, 30, 1), ("webshop-real-1k-v1", 216, 146, 2)],
)
def test_no_product_has_more_goals_than_the_panel_says(
    request: pytest.FixtureRequest, name: str, num_tasks: int, num_products: int, most: int
) -> None:
    if name in REAL_PANELS:
        request.getfixturevalue("real_data")
    panel = load_panel(name)
    group_of = panel.make_env().get_wrapper_attr("group_of")
    counts = Counter(group_of(row.task) for row in panel.tasks)
    assert (counts.total(), len(counts), max(counts.values())) == (num_tasks, num_products, most)


def test_real_products_in_the_order_of_the_original() -> None:
    tests = load_panel("webshop-real-1k-test-v1").tasks
    assert [row.task for row in tests] == [f"synthetic-{position}" for position in range(500)]
    assert {row.task for row in load_panel("webshop-real-1k-v1").tasks} < {row.task for row in tests}


def test_panels_hold_no_word_of_a_real_product() -> None:
    """Ids, seeds and digests are facts; everything else in them was written here."""
    for name in REAL_PANELS:
        panel = load_panel(name)
        assert all(re.fullmatch(r"synthetic-\d+", row.task) for row in panel.tasks)
        assert panel.cluster_key == "product" and all(re.fullmatch(r"B[0-9A-Z]{9}", label) for label in panel.clusters)
        assert panel.env_options == {"catalogue_digest": REAL_1K_DIGEST, "data": "real", "split": "test"}


@pytest.mark.parametrize("name", REAL_PANELS)
def test_missing_real_products_are_told_in_one_sentence(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WEBSHOP_DATA", raising=False)
    with pytest.raises(PanelError, match=r"\$WEBSHOP_DATA is not set; set it to the folder that holds items_shuffle"):
        load_panel(name).make_env()


def test_other_products_are_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Other products, or the same ones with nouns by another model: both have another digest."""
    for number, title_nouns in enumerate([("harbour", "mug"), ("harbour",)]):
        out = build_archive([make_raw("B000000001", title_nouns=title_nouns)], tmp_path / str(number))
        monkeypatch.setenv("WEBSHOP_DATA", str(out))
        message = r"digest [0-9a-f]{16}, not .* or another model found the nouns of their titles \(here: given\)"
        with pytest.raises(PanelError, match=message):
            load_panel("webshop-real-1k-v1").make_env()


def test_a_missing_model_is_told_in_one_sentence(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSHOP_DATA", str(shared / DATA))
    monkeypatch.setenv("WEBSHOP_CACHE", str(tmp_path))
    monkeypatch.setattr(nouns, "MODEL_PACKAGES", ("no_model_of_that_name",))
    monkeypatch.setattr(catalogues, "_open", catalogues._open.__wrapped__)
    with pytest.raises(PanelError, match=r"spaCy's model en_core_web_sm .* missing: run pip install"):
        load_panel("webshop-real-1k-v1").make_env()


@pytest.mark.slow
def test_one_command_plays_real_products(real_data: Path, tmp_path: Path) -> None:
    """A worker process finds them too, and the run replays."""
    command = [sys.executable, "-m", "leaderboard", "run", "--agent", f"{__file__}:Wanderer", "--panel"]
    command += ["webshop-real-1k-v1", "--episodes", "3", "--out", "run"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "webshop-real-1k-v1" in done.stdout, done.stderr
    assert verify_run(load_run(tmp_path / "run")) == []


@pytest.mark.parametrize(
    ("variable", "start"), [("WEBSHOP_DATA", "webshop-real-"), ("ALFWORLD_DATA", "alfworld-real-")]
)
def test_freezing_again_leaves_out_what_needs_data(monkeypatch: pytest.MonkeyPatch, variable: str, start: str) -> None:
    monkeypatch.setenv("WEBSHOP_DATA", "somewhere")
    monkeypatch.setenv("ALFWORLD_DATA", "somewhere")
    assert not any(map(lacks_data, RECIPES))
    monkeypatch.delenv(variable)
    left_out = [name for name in RECIPES if lacks_data(name)]
    assert left_out == [name for name in RECIPES if name.startswith(start)] and len(left_out) > 1
    assert {name_needed_data(name) for name in left_out} == {variable}
    assert all(f"needs ${variable}" in load_panel(name).description for name in left_out)


def test_goals_of_one_product_are_clusters() -> None:
    """In ALFWorld tasks are independent within fixed scenes, so its panels have none."""
    keys = {name: load_panel(name).cluster_key for name in RECIPES}
    assert keys == {name: "product" if name.startswith("webshop") else "" for name in RECIPES}
    assert len(set(load_panel("webshop-test-v2").clusters)) == 124


def test_superseded_panels_of_the_shop_say_by_what() -> None:
    for name in ("webshop-demo-v1", "webshop-test-v1"):
        assert load_panel(name).description.startswith(f"Superseded by {name.removesuffix('1')}2: ")


def test_demo_has_three_tasks_of_each_type() -> None:
    panel = load_panel("alfworld-demo-v2")
    assert set(Counter(task_type(row.task) for row in panel.tasks).values()) == {3}


def test_real_games_of_the_user_do_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "json_2.1.1" / "valid_unseen").mkdir(parents=True)
    monkeypatch.setitem(os.environ, "ALFWORLD_DATA", str(tmp_path))
    assert load_panel("alfworld-demo-v2").env_id == ALFWORLD
    load_panel("alfworld-demo-v2").make_env().close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["alfworld-demo-v2", "alfworld-long-k4-unseen-v1", "webshop-basket-k2-v1", "webshop-demo-v1", "webshop-demo-v2"],
)
def test_real_world_plays_and_replays(name: str, tmp_path: Path) -> None:
    runs = [
        run_panel(f"{__file__}:Wanderer", name, tmp_path / part, num_episodes=4, num_workers=0) for part in ("a", "b")
    ]
    assert runs[0].episodes == runs[1].episodes and len(runs[0].episodes) == 4
    assert verify_run(runs[0]) == []
