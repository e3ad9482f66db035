"""Ranked search against recorded rankings, a slow second derivation, and hostile queries."""

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.products import make_raw
from webshop_server import Catalogue
from webshop_server.catalogue.builder import write_search_text
from webshop_server.search import index
from webshop_server.search.analyzer import analyze
from webshop_server.search.length_norm import decode_length, encode_length

WORDS = [f"word{number}" for number in range(40)]


def test_recorded_rankings(real_catalogue: Catalogue, read_gold: Any) -> None:
    for line in read_gold("rankings.jsonl.gz"):
        found = real_catalogue.search(line["query"])
        assert [asin for asin, _ in found] == [asin for asin, _ in line["hits"]], line["query"]
        assert dict(found) == dict(line["raw_lucene"]) or sorted(score for _, score in found) == sorted(
            score for _, score in line["raw_lucene"]
        ), line["query"]
        if line["tokens"] is not None:
            assert Counter(analyze(line["query"])) == Counter(line["tokens"])


def test_recorded_terms(real_catalogue: Catalogue, read_gold: Any) -> None:
    for line in read_gold("docvectors.jsonl.gz"):
        terms = analyze(write_search_text(real_catalogue.products[line["id"]]))
        assert Counter(terms) == line["tf"]
        assert len(terms) == line["length"]


def make_wordy(num_products: int, seed: int) -> Catalogue:
    """Products whose titles are random words, some words far more common than others."""
    generator = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    titles = [" ".join(generator.choices(WORDS, weights, k=generator.randint(1, 60))) for _ in range(num_products)]
    return Catalogue.from_raw(
        make_raw(f"B{generator.randrange(10**6):06}{n:03}", name=title, full_description="", small_description="")
        for n, title in enumerate(titles)
    )


def score_slowly(catalogue: Catalogue, query: str) -> list[tuple[str, float]]:
    """BM25 by the book, in 32-bit floats."""
    one, k1, b = np.float32(1), np.float32(0.9), np.float32(0.4)
    texts = {asin: analyze(write_search_text(product)) for asin, product in catalogue.products.items()}
    mean = np.float32(sum(map(len, texts.values())) / sum(map(bool, texts.values())))
    sums: dict[str, float] = {}
    for term, boost in Counter(analyze(query)).items():
        having = [asin for asin, terms in texts.items() if term in terms]
        idf = np.float32(math.log(1 + (len(texts) - len(having) + 0.5) / (len(having) + 0.5)))
        weight = np.float32(boost) * idf
        for asin in having:
            length = np.float32(decode_length(encode_length(len(texts[asin]))))
            inverse = one / (k1 * ((one - b) + b * length / mean))
            part = weight - weight / (one + np.float32(texts[asin].count(term)) * inverse)
            sums[asin] = sums.get(asin, 0.0) + float(part)
    ranked = sorted(
        ((asin, float(np.float32(total))) for asin, total in sums.items()), key=lambda hit: (-hit[1], hit[0])
    )
    return ranked[:50]


@pytest.mark.parametrize("prunes_from", [10**9, 0])
def test_pruning_changes_nothing(prunes_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "NUM_WORTH_PRUNING", prunes_from)
    catalogue = make_wordy(300, seed=4)
    generator = random.Random(5)
    for _ in range(25):
        query = " ".join(generator.choices(WORDS, k=generator.randint(1, 12)))
        assert catalogue.search(query) == score_slowly(catalogue, query), query


def test_equal_scores_come_by_asin(small_catalogue: Catalogue) -> None:
    found = small_catalogue.search("harbour", limit=50)
    assert [asin for asin, _ in found] == sorted(small_catalogue.products)
    assert len({score for _, score in found}) == 1
    assert small_catalogue.search("harbour", limit=3) == found[:3]


@pytest.mark.parametrize("length", [0, 1, 23, 24, 39, 40, 41, 100, 1000, 10**6])
def test_lengths_keep_four_bits(length: int) -> None:
    kept = decode_length(encode_length(length))
    assert kept <= length
    assert kept == length if length < 40 else kept > length * 0.87
    assert 0 <= encode_length(length) < 256


def test_length_codes_come_back() -> None:
    codes = [encode_length(decode_length(code)) for code in range(256)]
    assert codes == list(range(256))


@pytest.mark.parametrize("query", ["", " ", "the", "zzzz", '"', "AND OR *", "\x00\x07", "é" * 10_000, "_" * 30_000])
def test_odd_queries(small_catalogue: Catalogue, query: str) -> None:
    assert small_catalogue.search(query) == []


def test_huge_query_is_cut(small_catalogue: Catalogue) -> None:
    beyond = " ".join(["zzzz"] * 20_000) + " harbour"
    assert small_catalogue.search(beyond) == []
    assert small_catalogue.search("harbour " + beyond)


def test_index_is_shared_between_opens(small_catalogue: Catalogue) -> None:
    again = Catalogue(Path(small_catalogue.folder))
    assert again.search("blue mug") == small_catalogue.search("blue mug")
