"""Building and opening: what is left out, what is told about broken files, what stays of a stopped build."""

import codecs
import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import msgspec
import numpy as np
import pytest
from starlette.testclient import TestClient

from hiper_envs import SubgoalWrapper, play_episode
from tests.products import DATA, make_raw
from tests.scripted import Scripted
from webshop_server import Catalogue, RawProduct
from webshop_server.__main__ import main
from webshop_server.catalogue import archive, nouns
from webshop_server.catalogue.archive import MANIFEST_NAME, ArchiveError
from webshop_server.catalogue.builder import build_archive, write_search_text
from webshop_server.catalogue.nouns import NounModelMissingError
from webshop_server.catalogue.product_reader import CatalogueDataError
from webshop_server.catalogue.source_files import find_source_files, read_raw_products, stream_array
from webshop_server.shop.shop import Shop
from webshop_server.site.app import make_app
from webshop_server.site.sessions import Site


def write_folder(folder: Path, products: object, attributes: object = None, human: object = None) -> Path:
    """A folder of source files; texts are written as they are, other values as JSON."""
    folder.mkdir(exist_ok=True)
    contents = {"items_shuffle_9.json": products, "items_ins_v2_9.json": attributes, "items_human_ins.json": human}
    for name, content in contents.items():
        text = content if isinstance(content, str) else json.dumps({} if content is None else content)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read_folder(folder: Path) -> list[RawProduct]:
    return list(read_raw_products(find_source_files(folder)))


def test_what_is_sold() -> None:
    asins = ["B000000002", "nan", "B000000001", "B000000002", "B0000000012"]
    catalogue = Catalogue.from_raw(make_raw(asin) for asin in asins)
    assert list(catalogue.products) == ["B000000002", "B000000001"]
    assert (catalogue.manifest.num_repeats, catalogue.manifest.num_unsold) == (1, 2)
    assert (
        "B000000003" not in catalogue.products and "é" not in catalogue.products and "\ud800" not in catalogue.products
    )


def test_how_a_product_is_read(small_catalogue: Catalogue) -> None:
    product = small_catalogue.products["B000000000"]
    assert product.options == {"color": ("red | white", "blue"), "size": ("large",)}
    assert (product.query, product.price_tag, product.bullets) == ("mugs", "$10.0 to $14.5", ("Holds 300 ml", ""))
    assert write_search_text(product) == (
        "harbour mug b000000000 a mug of stoneware. holds 300 ml color: red | white, blue, and size: large"
    )


@pytest.mark.parametrize(
    ("pricing", "tag"), [("", "$100.0"), (None, "$100.0"), ("$1,299.99", "$1299.99"), ("$5 - $7 - $9", "$5.0 to $7.0")]
)
def test_prices(pricing: str | None, tag: str) -> None:
    assert Catalogue.from_raw([make_raw("B000000001", pricing=pricing)]).products["B000000001"].price_tag == tag


def test_no_attributes_and_no_groups() -> None:
    raw = make_raw("B000000001", attributes=None, human=(), customization_options={"Size": None, "Fit": []})
    product = Catalogue.from_raw([raw]).products["B000000001"]
    assert product.attributes == ("DUMMY_ATTR",)
    assert product.options == {"fit": ()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, r"product 2 \(asin B000000009\): field 'name' must be a text, not null"),
        ({"small_description": [1]}, "field 'small_description' must be a list of texts"),
        ({"customization_options": ["red"]}, "field 'customization_options' must be an object, not list"),
        (
            {"customization_options": {"Color": [{"image": "x"}]}},
            r"customization_options\['Color'\] needs a text 'value'",
        ),
        ({"pricing": "free"}, "field 'pricing' must read like"),
        ({"pricing": "$..5"}, "field 'pricing' must read like"),
        ({"images": "x.jpg"}, "field 'images' must be a list, not str"),
        ({"attributes": {"attributes": "red"}}, "asin B000000009: field 'attributes' must be a list of texts"),
        ({"attributes": {"instruction": "a mug"}}, "field 'instruction_attributes' is missing"),
        ({"attributes": {"instruction": "a mug", "instruction_attributes": []}}, "at least one attribute"),
        ({"human": [{"instruction": 3, "instruction_attributes": []}]}, "field 'instruction' must be a text, not int"),
        ({"human": ["a mug"]}, "each instruction must be an object, not str"),
    ],
)
def test_broken_fields_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CatalogueDataError, match=message):
        Catalogue.from_raw([make_raw("B000000001"), make_raw("B000000009", **changes)])


def test_half_characters_are_replaced() -> None:
    options = {"Size\udc00": [{"value": "\ud83d large"}]}
    raw = make_raw("B000000001", name="mug \ud83d", small_description="\udfff", customization_options=options)
    product = Catalogue.from_raw([raw]).products["B000000001"]
    assert (product.title, product.bullets) == ("mug \ufffd", ("\ufffd",))
    assert product.options == {"size\ufffd": ("\ufffd large",)}


HALF = "\ud83d"


def test_half_characters_in_source_files_are_replaced_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Index, search, pages, site and records take them; those of all three files come out alike."""
    raw = make_raw(f"B00000001{HALF}", title_nouns=None)
    product = {name: value for name, value in raw.product.items() if name != "customization_options"}
    texts = ("name", "full_description", "category", "query", "product_category")
    product |= {name: f"{raw.product[name]} {HALF}" for name in texts}
    product |= {"small_description": [HALF], "images": [HALF], "customization_options": {HALF: [{"value": HALF + "x"}]}}
    attributes = {"attributes": [HALF], "instruction": f"Find me a {HALF} mug", "instruction_attributes": [HALF]}
    human = {"instruction": f"a mug {HALF}", "instruction_attributes": [HALF], "instruction_options": [HALF]}
    folder = write_folder(
        tmp_path / "data", [product], {product["asin"]: attributes, HALF: {}}, {product["asin"]: [human]}
    )
    monkeypatch.setattr("webshop_server.catalogue.builder.NounModel", PickyNouns)
    catalogue = Catalogue.build(folder, tmp_path / "built")
    (asin,) = catalogue.products
    assert asin == "B00000001\ufffd" and catalogue.products[asin].title_nouns == ("\ufffd",)
    for kind in ("synthetic", "human"):
        env = SubgoalWrapper(gym.make("hiper/WebShop-v0", split="all", goals=kind, data=str(catalogue.folder)))
        agent = Scripted(f"search[mug {HALF}]", f"click[{asin.lower()}]", "click[\ufffdx]", "click[description]")
        episode = play_episode(env, agent, task=0)
        assert episode.error == "StopIteration" and episode.num_turns == 4
        msgspec.json.encode(msgspec.structs.replace(episode, turns=episode.turns[1:]))
        site = Site(Shop(catalogue), kind)
        client = TestClient(make_app(site))
        page = client.get("/goal/0")
        for form in ({"query": "mug"}, {"click": asin}, {"click": "\ufffdx"}, {"click": "features"}):
            page = client.post(page.url, data=form)
            assert page.status_code == 200 and "\ufffd" in page.text


class PickyNouns:
    """Refuses what spaCy cannot encode."""

    source = "picky"

    def find_nouns(self, titles: Iterable[str]) -> Iterator[tuple[str, ...]]:
        for title in titles:
            title.encode("utf-8")
            yield (title.split()[-1],)


@pytest.mark.parametrize("has_mark", [False, True])
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, has_mark: bool) -> None:
    attributes = {"B000000001": {"attributes": ["é"]}}
    folder = write_folder(tmp_path / "data", [PRODUCT], attributes, {"B000000001": []})
    plain = read_folder(folder)
    for path in folder.iterdir():
        path.write_bytes(codecs.BOM_UTF8 * has_mark + path.read_bytes())
    assert read_folder(folder) == plain and plain[0].attributes == {"attributes": ["é"]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-surrogates"])
@pytest.mark.parametrize("file", ["items_shuffle_9.json", "items_ins_v2_9.json", "items_human_ins.json"])
def test_other_encodings_are_told(tmp_path: Path, encoding: str, file: str) -> None:
    folder = write_folder(tmp_path / "data", [PRODUCT], {"B000000001": {"attributes": ["x"]}}, {"B000000001": ["x"]})
    text = (folder / file).read_text()
    content = (
        text.encode("utf-16") if encoding == "utf-16" else text.replace("B0", "\ud800").encode("utf-8", "surrogatepass")
    )
    (folder / file).write_bytes(content)
    with pytest.raises(CatalogueDataError, match=file):
        read_folder(folder)


def test_missing_fields_are_named() -> None:
    raw = make_raw("B000000001")
    for field in ("asin", "name", "full_description", "product_category", "small_description", "category", "query"):
        product = {name: value for name, value in raw.product.items() if name != field}
        with pytest.raises(CatalogueDataError, match=f"field '{field}' is missing"):
            Catalogue.from_raw([RawProduct(product, title_nouns=())])
    with pytest.raises(CatalogueDataError, match="there is no product to sell"):
        Catalogue.from_raw([])


PRODUCT = dict(make_raw("B000000001").product)


@pytest.mark.parametrize(
    ("products", "attributes", "human", "message"),
    [
        ({"a": 1}, {}, {}, "items_shuffle_9.json must hold one JSON list"),
        ("", {}, {}, "items_shuffle_9.json must hold one JSON list"),
        (json.dumps([PRODUCT, PRODUCT])[:-40], {}, {}, r"items_shuffle_9.json, item 2: the file breaks off inside it"),
        (json.dumps([PRODUCT])[:-1], {}, {}, "after item 1: the file breaks off"),
        (json.dumps([PRODUCT])[:-1] + " x]", {}, {}, "after item 1: there is 'x' where a comma should be"),
        ('[{"asin": nope}]', {}, {}, "item 1: broken JSON"),
        ([3], {}, {}, "items_shuffle_9.json, product 1: a product must be a JSON object, not int"),
        ([PRODUCT], "[", {}, "items_ins_v2_9.json must be one JSON object"),
        ([PRODUCT], {"B000000001": []}, {}, "items_ins_v2_9.json, asin B000000001: must be an object, not list"),
        ([PRODUCT], {}, {"B000000001": {}}, "items_human_ins.json, asin B000000001: must be a list, not dict"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, products: Any, attributes: Any, human: Any, message: str) -> None:
    with pytest.raises(CatalogueDataError, match=message):
        read_folder(write_folder(tmp_path / "data", products, attributes, human))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "items.json"
    path.write_bytes(b'[{"asin": "\xff"}]')
    with pytest.raises(CatalogueDataError, match=r"items.json, after item 0: not UTF-8"):
        list(stream_array(path))


@pytest.mark.parametrize("piece", [1, 3, 50])
def test_stream_is_read_like_a_whole(tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"é": [1, 2.5, None]}, 12345, "a\nb\u2028", [], {}, -1e10, True]
    path = tmp_path / "items.json"
    path.write_text(json.dumps(items, indent=1, ensure_ascii=False), encoding="utf-8")
    monkeypatch.setattr("webshop_server.catalogue.source_files._CHARACTERS_PER_READ", piece)
    assert list(stream_array(path)) == items
    path.write_text(" [ ] ", encoding="utf-8")
    assert list(stream_array(path)) == []


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        Catalogue.load(tmp_path / "nowhere")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"no file items_shuffle\*.json in .*holds notes.txt"):
        Catalogue.load(tmp_path)
    write_folder(tmp_path / "data", [PRODUCT])
    (tmp_path / "data" / "items_shuffle_10.json").touch()
    with pytest.raises(CatalogueDataError, match="several files"):
        Catalogue.load(tmp_path / "data")


def test_real_titles_need_the_noun_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    monkeypatch.setattr(nouns, "MODEL_PACKAGES", ("no_such_package_at_all",))
    folder = write_folder(tmp_path / "data", [PRODUCT])
    with pytest.raises(NounModelMissingError, match=r"pip install 'hiper-suite\[spacy\]'"):
        Catalogue.load(folder)
    assert not list(cache_folder.glob("*unfinished*"))


def test_real_files_are_built_once(shared: Path, real_catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nouns, "MODEL_PACKAGES", ("no_such_package_at_all",))
    start = time.process_time()
    again = Catalogue.load(shared / DATA)
    assert time.process_time() - start < 0.3 * 3, "opening takes a tenth of this on an idle machine"
    assert again.manifest == real_catalogue.manifest
    assert "en_core_web_sm" in again.manifest.noun_source and "3.8" in again.manifest.noun_source


def test_built_catalogue_opens_the_same(tmp_path: Path, small_catalogue: Catalogue) -> None:
    out = build_archive((make_raw(f"B0000000{number:02}") for number in range(50)), tmp_path / "built")
    built = Catalogue.load(out)
    assert built.manifest == small_catalogue.manifest
    assert dict(built.products) == dict(small_catalogue.products)
    assert list(built.goals()) == list(small_catalogue.goals())
    assert list(pickle.loads(pickle.dumps(built)).products) == list(built.products)
    with pytest.raises(FileExistsError, match="exists already"):
        build_archive([make_raw("B000000001")], out)


def test_small_blocks_make_the_same_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Catalogue.generated(120, seed=5)
    monkeypatch.setattr("webshop_server.search.postings._POSTINGS_PER_BLOCK", 500)
    parts = Catalogue.generated(120, seed=5)
    for name in ("term_keys", "term_starts", "term_numbers"):
        whole_array, parts_array = (np.load(catalogue.folder / f"{name}.npy") for catalogue in (whole, parts))
        assert np.array_equal(whole_array, parts_array), name
    for goal in whole.goals()[:20]:
        assert whole.search(goal.instruction) == parts.search(goal.instruction)


def test_failed_build_leaves_nothing(tmp_path: Path) -> None:
    def break_off() -> Iterator[RawProduct]:
        yield make_raw("B000000001")
        raise CatalogueDataError("broken")

    with pytest.raises(CatalogueDataError, match="broken"):
        build_archive(break_off(), tmp_path / "built")
    assert list(tmp_path.iterdir()) == []


SMALL_DISK = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)  # writing more fails, as on a full disk
from webshop_server.__main__ import main
main(["generate", sys.argv[2]])
"""


@pytest.mark.skipif(os.name == "nt", reason="only POSIX limits the size of files")
@pytest.mark.parametrize("num_bytes", [1_000, 130_000, 250_000])
def test_full_disk_is_told_and_leaves_nothing(tmp_path: Path, num_bytes: int) -> None:
    out = tmp_path / "built"
    command = [sys.executable, "-c", SMALL_DISK, str(num_bytes), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.returncode == 1 and done.stderr.startswith("webshop-server: ") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_orphans_are_known_by_their_age_where_no_process_can_be_asked_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, old = tmp_path / f".built.{os.getpid()}.unfinished", tmp_path / ".built.1.unfinished"
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (0, 0))
    asked: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, number: asked.append(process))
    monkeypatch.setattr(os, "name", "nt")
    found = [archive._is_left_behind(folder) for folder in (fresh, old)]
    monkeypatch.undo()
    assert found == [False, True] and asked == []


def test_killed_build_leaves_nothing_that_opens(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "webshop_server", "generate", str(tmp_path / "built"), "--num-products", "100000"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stop = time.monotonic() + 60
    while not list(tmp_path.glob(".built.*/records.bin")) and time.monotonic() < stop:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = list(tmp_path.iterdir())
    assert left and not (tmp_path / "built").exists()
    for folder in left:
        with pytest.raises((ArchiveError, FileNotFoundError)):
            Catalogue.load(folder)
    build_archive([make_raw("B000000001")], tmp_path / "built")
    assert [path.name for path in tmp_path.iterdir()] == ["built"], "the next build clears up"


def test_damaged_archives(tmp_path: Path) -> None:
    out = build_archive([make_raw("B000000001")], tmp_path / "built")
    (out / "term_codes.npy").unlink()
    with pytest.raises(ArchiveError, match=r"damaged .*build it again"):
        Catalogue.load(out)
    out = build_archive([make_raw("B000000001")], tmp_path / "again")
    (out / "records.bin").unlink()
    with pytest.raises(ArchiveError, match=r"damaged .*records.bin"):
        Catalogue.load(out)
    manifest = json.loads((out / MANIFEST_NAME).read_text())
    (out / MANIFEST_NAME).write_text(json.dumps({**manifest, "format_version": 999}))
    with pytest.raises(ArchiveError, match="format 999"):
        Catalogue.load(out)
    (out / MANIFEST_NAME).write_text("{")
    with pytest.raises(ArchiveError, match="cannot be read"):
        Catalogue.load(out)


@pytest.mark.parametrize("name", ["records.bin", "term_codes.npy", "prices.npy", "sorted_asins.npy"])
@pytest.mark.parametrize("change", ["cut", "longer"])
def test_files_of_another_size_are_named(tmp_path: Path, name: str, change: str) -> None:
    out = build_archive((make_raw(f"B0000000{number:02}") for number in range(50)), tmp_path / "built")
    content = (out / name).read_bytes()
    (out / name).write_bytes(content[: len(content) // 2] if change == "cut" else content + b"x")
    with pytest.raises(ArchiveError, match=rf"{out} is damaged \({name} has \d+ bytes, not \d+\); build it again"):
        Catalogue.load(out)


def test_broken_records_are_named(tmp_path: Path) -> None:
    """Damage that leaves the size as it was shows when a product is read."""
    out = build_archive([make_raw("B000000001")], tmp_path / "built")
    (out / "records.bin").write_bytes(b"\xc1" * (out / "records.bin").stat().st_size)
    catalogue = Catalogue.load(out)
    with pytest.raises(ArchiveError, match=rf"{out} is damaged \(product 0 in records.bin: .*\); build it again"):
        catalogue.products["B000000001"]


def test_format_is_told_before_what_it_lacks(tmp_path: Path) -> None:
    """The manifest of an earlier format lacks fields of this one."""
    out = build_archive([make_raw("B000000001")], tmp_path / "built")
    (out / MANIFEST_NAME).write_text('{"format_version": 3, "digest": ""}')
    with pytest.raises(ArchiveError, match=r"built in format 3, this version reads format 4; build it again"):
        Catalogue.load(out)


def test_temporary_catalogue_goes_with_its_object() -> None:
    catalogue = Catalogue.from_raw([make_raw("B000000001")])
    folder = catalogue.folder
    assert folder.is_dir()
    del catalogue
    gc.collect()
    assert not folder.parent.exists()


def test_commands(tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["generate", str(tmp_path / "made"), "--num-products", "100"])
    assert "100 products" in capsys.readouterr().out
    assert len(Catalogue.load(tmp_path / "made").products) == 100
    with pytest.raises(SystemExit):
        main(["build", str(tmp_path / "nowhere"), str(tmp_path / "out")])
    assert "there is no folder" in capsys.readouterr().err
    pytest.importorskip("spacy")
    folder = write_folder(tmp_path / "data", [PRODUCT, PRODUCT])
    main(["build", str(folder), str(tmp_path / "built")])
    assert "1 repeat an asin" in capsys.readouterr().out
    assert os.listdir(tmp_path / "built")


@pytest.mark.parametrize("fault", ["none", "cache is a file", "torn archive"])
def test_generated_catalogue_is_kept_and_survives_a_broken_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("WEBSHOP_CACHE", str(cache))
    expected = list(Catalogue.generated(100, seed=6).products)
    kept = [path for path in cache.iterdir() if path.is_dir()]
    assert len(kept) == 1 and kept[0].name.startswith("generated-100-6-")
    if fault == "cache is a file":
        cache = tmp_path / "file"
        cache.write_text("")
        monkeypatch.setenv("WEBSHOP_CACHE", str(cache))
    if fault == "torn archive":
        for path in kept[0].iterdir():
            if path.name != "manifest.json":
                path.write_bytes(path.read_bytes()[:10])
    again = Catalogue.generated(100, seed=6)
    assert list(again.products) == expected
    assert (again.folder == kept[0]) == (fault != "cache is a file"), "a broken one is built again in its place"
