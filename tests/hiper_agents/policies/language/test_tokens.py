"""The tokenizer that is made from the worlds' texts."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from hiper_agents.policies.language.compact_layout import BEGIN, END, MARKS, PAD, TAGS, holds_mark, neutralise
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.tokens import build_tokenizer

NUM_EPISODES = 60
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
    assert sum(map(len, ids)) / sum(text.count("<|reply|>") for text in texts) < 52
    assert len(tokenizer) < 1_000


def test_names_numbers_and_phrases_are_single_tokens(tokenizer: Any) -> None:
    text = "take mug 1 from desk 12</action>You arrive at desk 12. On the desk 12, you see a mug 3, and a mug 2."
    assert tokenizer.tokenize(text) == [
        "take ", "mug", "Ġ1", " from ", "desk", "Ġ12", "</action>", "You arrive at ", "desk", "Ġ12", ". On the ",
        "desk", "Ġ12", ", you see a ", "mug", "Ġ3", ", and a ", "mug", "Ġ2", ".",
    ]  # fmt: skip
    assert tokenizer.tokenize("find a mug") == ["find a ", "mug"]


def test_a_kept_subgoal_is_one_token(tokenizer: Any) -> None:
    said = "<switch>KEEP</switch><subgoal></subgoal><action>look</action>"
    kept = ["<switch>", "KEEP", "</switch><subgoal></subgoal><action>", "look", "</action>"]
    assert tokenizer.tokenize(said) == kept
    assert tokenizer.tokenize("</switch><subgoal>look</subgoal><action>")[::2] == [
        "</switch><subgoal>",
        "</subgoal><action>",
    ]


def test_it_is_an_ordinary_folder(tokenizer: Any, texts: list[str], tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert [loaded.encode(text) for text in texts] == [tokenizer.encode(text) for text in texts]
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == (BEGIN, END, PAD)
    assert loaded.encode("look") == loaded.encode("look", add_special_tokens=False)


def test_the_same_texts_give_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from hiper_agents.policies.language.corpus import collect_texts\n"
        "from hiper_agents.policies.language.tokens import build_tokenizer\n"
        "build_tokenizer(collect_texts('alfworld', 20, seed=1)).save_pretrained(sys.argv[1])"
    )
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=env_with(seed))
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
    tokenizer = build_tokenizer(["ein Apfel"] * 20)
    assert decode(tokenizer, tokenizer.encode("zwei Äpfel 🍎")) == "zwei Äpfel 🍎"
