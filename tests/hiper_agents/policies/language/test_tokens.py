"""The tokenizer that is made from the worlds' texts."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from hiper_agents.policies.language.compact_layout import BEGIN, END, MARKS, PAD, REPLY, TAGS, holds_mark, neutralise
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.tokens import build_tokenizer

NUM_EPISODES = 150
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
pieces = ("<", ">", "|", "/", "<|", "|>", "</", "<<|reply|>", "<|REPLY|>", "</Action>", "</action", *MARKS, *TAGS)
hostile = st.lists(st.sampled_from(pieces) | anything, max_size=8).map("".join)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(collect_texts("alfworld", NUM_EPISODES, seed=0))


@pytest.fixture(scope="module")
def tokenizer(texts: list[str]) -> Any:
    return build_tokenizer(texts)


def decode(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


@settings(deadline=None)
@given(text=anything | hostile)
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    assert decode(tokenizer, tokenizer.encode(text)) == text


@settings(deadline=None)
@given(text=hostile)
def test_no_page_holds_a_mark(tokenizer: Any, text: str) -> None:
    marks = {tokenizer.convert_tokens_to_ids(mark) for mark in (*MARKS, *TAGS)}
    page = neutralise(text)
    assert not holds_mark(page) and len(page) == len(text)
    assert not marks & set(tokenizer.encode(page))
    # Not even together with the marks around it.
    around = tokenizer.encode(f"{BEGIN}{page}<|acts|>{page}<|task|>{page}<|reply|>")
    assert [token for token in around if token in marks] == tokenizer.encode("<|begin|><|acts|><|task|><|reply|>")


def test_texts_of_the_world_come_back_in_few_tokens(tokenizer: Any, texts: list[str]) -> None:
    ids = [tokenizer.encode(text) for text in texts]
    assert [decode(tokenizer, each) for each in ids] == texts
    assert sum(map(len, ids)) / sum(text.count("<|reply|>") for text in texts) < 70
    assert len(tokenizer) < 900


def test_a_text_that_grows_keeps_its_tokens(tokenizer: Any, texts: list[str]) -> None:
    for text in texts:
        pieces = re.split(f"(?<={re.escape(REPLY)})|(?<={END})", text)
        assert len(pieces) > 2
        assert [token for piece in pieces for token in tokenizer.encode(piece)] == tokenizer.encode(text)


def cut(tokenizer: Any, text: str) -> list[str]:
    return [decode(tokenizer, [token]) for token in tokenizer.encode(text)]


def test_names_numbers_and_phrases_are_single_tokens(tokenizer: Any) -> None:
    text = "take mug 1 from desk 12</action>You arrive at desk 12. On the desk 12, you see a mug 3, and a mug 2."
    assert cut(tokenizer, text) == [
        "take ", "mug", " 1", " from ", "desk", " 12", "</action>", "You arrive at ", "desk", " 12", ". On the ",
        "desk", " 12", ", you see a ", "mug", " 3", ", and a ", "mug", " 2", ".",
    ]  # fmt: skip
    assert cut(tokenizer, "go to drawer 1 10 2, shelf 3") == [
        "go to ", "drawer", " 1", " 10", " 2", ", ", "shelf", " 3",
    ]  # fmt: skip
    assert cut(tokenizer, "find a mug") == ["find a ", "mug"]


def test_names_are_the_same_token_wherever_they_stand(tokenizer: Any) -> None:
    mug = tokenizer.convert_tokens_to_ids("mug")
    for text in ("mug", "Heat up a mug now", "(mug)", "mug, please", "the mug's", "a  mug\n"):
        assert mug in tokenizer.encode(text), text
    assert mug not in tokenizer.encode("smug mugs")


def test_phrases_begin_with_words(tokenizer: Any) -> None:
    assert "take " in cut(tokenizer, "(take it)") and "take " not in cut(tokenizer, "mistake made")


def test_a_kept_subgoal_is_one_token(tokenizer: Any) -> None:
    said = "<switch>KEEP</switch><subgoal></subgoal><action>look</action>"
    assert cut(tokenizer, said) == ["<switch>", "KEEP", "</switch><subgoal></subgoal><action>", "look", "</action>"]
    said = "<switch>SWITCH</switch><subgoal>look</subgoal><action>"
    assert cut(tokenizer, said)[1:4:2] == ["SWITCH", "look"] and len(tokenizer.encode(said)) == 5


def test_it_is_an_ordinary_folder(tokenizer: Any, texts: list[str], tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert [loaded.encode(text) for text in texts] == [tokenizer.encode(text) for text in texts]
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == (BEGIN, END, PAD)
    assert loaded.encode("look") == loaded.encode("look", add_special_tokens=False)


def test_the_same_seed_gives_the_same_texts(texts: list[str]) -> None:
    again = collect_texts("alfworld", NUM_EPISODES, seed=0)
    assert [next(again) for _ in range(10)] == texts[:10]
    assert next(collect_texts("alfworld", 1, seed=1)) != texts[0]


@pytest.mark.slow
def test_the_same_texts_give_the_same_bytes(texts: list[str], tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    code = (
        "import json, sys; from hiper_agents.policies.language.tokens import build_tokenizer\n"
        "build_tokenizer(json.load(open(sys.argv[1]))).save_pretrained(sys.argv[2])"
    )
    for seed in ("1", "2"):
        arguments = [str(tmp_path / "texts.json"), str(tmp_path / seed)]
        subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=env_with(seed))
    first, second = (sorted((tmp_path / seed).iterdir()) for seed in ("1", "2"))
    assert [path.name for path in first] == [path.name for path in second] and first
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def env_with(seed: str) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}


def test_what_no_tokenizer_can_be_made_of() -> None:
    with pytest.raises(ValueError, match="no texts"):
        build_tokenizer([])
    with pytest.raises(ValueError, match="max_entries"):
        build_tokenizer(["mug 1"], max_entries=100)


def test_texts_without_names_give_bytes_and_words() -> None:
    tokenizer = build_tokenizer([f"ein Apfel {'x' * number}" for number in range(20)])
    assert cut(tokenizer, "ein Apfel") == ["ein", " Apfel"]
    assert decode(tokenizer, tokenizer.encode("zwei Äpfel 🍎")) == "zwei Äpfel 🍎"


@pytest.mark.slow
def test_one_tokenizer_serves_both_worlds() -> None:
    shop, house = (list(collect_texts(world, 60, seed=0)) for world in ("webshop", "alfworld"))
    both = build_tokenizer(shop + house)
    for texts, most in ((shop, 190), (house, 75)):
        assert [decode(both, both.encode(text)) for text in texts] == texts
        assert sum(len(both.encode(text)) for text in texts) / sum(text.count("<|reply|>") for text in texts) < most
        test_a_text_that_grows_keeps_its_tokens(both, texts)
    assert len(both) <= 4_000
    # What a page shows and the action that clicks it are spelt alike, and so is what the task asks for.
    value = both.encode("heather grey")
    for text in ("click[heather grey]", "size\n[heather grey\n[red", "with color: heather grey, and size: 8"):
        assert str(value)[1:-1] in str(both.encode(text))
    assert len(both.encode("</subgoal><action>click[buy now]</action>")) == 5


def test_no_product_is_a_word() -> None:
    texts = [f"search[a] b0abcdefg{number % 3} click[b0abcdefg{number % 3}]" for number in range(60)]
    tokenizer = build_tokenizer(texts)
    assert len(tokenizer.encode("b0abcdefg1")) == len(tokenizer.encode("b0abcdefg7")) > 1


def test_products_are_read_a_few_letters_at_a_time() -> None:
    tokenizer = build_tokenizer([f"search[ab] [b0{number:08d} click[b0{number:08d}]" for number in range(60)])
    pieces = ["b0g", "nm", "iz", "yv", "f"]
    for text in ("click[b0gnmizyvf]", "[b0gnmizyvf\nab"):
        ids = tokenizer.encode(text)
        read = [tokenizer.decode([token]).strip() for token in ids]
        assert decode(tokenizer, ids) == text and str(pieces)[1:-1] in str(read)
    for text in ("click[b0gnmizyv]", "xb0gnmizyvfz", "click[B0GNMIZYVF]"):
        assert decode(tokenizer, tokenizer.encode(text)) == text
