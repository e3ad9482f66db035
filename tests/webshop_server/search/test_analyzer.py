"""Words and stems: the rules one by one, and hostile text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webshop_server.search.analyzer import analyze
from webshop_server.search.porter import stem
from webshop_server.search.word_break import MAX_WORD_UNITS, split_words

MIXED = "aZ9_.':,;\"# *\u05d0\u0e01\u0e31\u3042\u30a2\u4e00\ud55c\u0301\u200d\ufe0f\u20e3"
MIXED += "\U0001f600\U0001f44b\U0001f3fd\U0001f1e9\u00ad"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't 10.5 1,000 foo_bar", ["don't", "10.5", "1,000", "foo_bar"]),
        ("a.b 1.a a:b x,y 3'4 _ __a", ["a.b", "1", "a", "a:b", "x", "y", "3'4", "__a"]),
        ("漢字ひらカタカナ 한국어", ["漢", "字", "ひ", "ら", "カタカナ", "한국어"]),
        ("café naïve ﬁne", ["café", "naïve", "ﬁne"]),
        ("Brand™ © 😀👋🏽 🇩🇪🇫🇷 1️⃣", ["Brand", "™", "©", "😀", "👋🏽", "🇩🇪", "🇫🇷", "1️⃣"]),
        ("ภาษาไทย", ["ภาษาไทย"]),
        ("ל\"ל צ'", ['ל"ל', "צ'"]),
        ("soft\u00adhyphen 【x】\u00d724", ["soft\u00adhyphen", "x", "24"]),
        ("", []),
        ("\x00\x1f !?", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_long_words_are_cut() -> None:
    assert [len(word) for word in split_words("a" * 600)] == [255, 255, 90]
    assert [len(word) for word in split_words("é" * 600)] == [255, 255, 90]
    assert [len(word) for word in split_words("\U00010400" * 300)] == [127, 127, 46], "two UTF-16 units each"
    assert split_words("a" * 254 + ".b") == ["a" * 254, "b"], "the cut hides what follows the full stop"
    assert split_words("a" * 253 + ".b") == ["a" * 253 + ".b"]


@given(st.text(alphabet=st.one_of(st.sampled_from(MIXED), st.characters()), max_size=80))
def test_words_are_pieces_of_the_text_in_order(text: str) -> None:
    place = 0
    for word in split_words(text):
        place = text.index(word, place) + len(word)
        assert len(word.encode("utf-16-le", "surrogatepass")) <= 2 * MAX_WORD_UNITS


@given(st.text(alphabet=MIXED, max_size=60), st.text(alphabet=MIXED, max_size=60))
def test_a_blank_parts_texts(left: str, right: str) -> None:
    assert split_words(f"{left} {right}") == split_words(left) + split_words(right)
    assert analyze(f"{left}\n{right}") == analyze(left) + analyze(right)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The women's SHOES, women\u2019s", ["women", "shoe", "women"]),
        ("children\uff07s 's", ["children", "s"]),
        ("İstanbul", ["istanbul"]),
        ("\u03a3\u0391\u03a3", ["\u03c3\u03b1\u03c3"]),
        ("of and to", []),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert analyze(text) == terms


@pytest.mark.parametrize(
    ("word", "stemmed"),
    [
        ("caresses", "caress"), ("ponies", "poni"), ("cats", "cat"), ("feed", "feed"), ("agreed", "agre"),
        ("plastered", "plaster"), ("motoring", "motor"), ("sing", "sing"), ("conflated", "conflat"),
        ("hopping", "hop"), ("falling", "fall"), ("filing", "file"), ("happy", "happi"), ("sky", "sky"),
        ("relational", "relat"), ("vietnamization", "vietnam"), ("analogousli", "analog"), ("sensibiliti", "sensibl"),
        ("chronology", "chronolog"), ("possibly", "possibl"), ("electrical", "electr"), ("hopefulness", "hope"),
        ("adjustment", "adjust"), ("adoption", "adopt"), ("rate", "rate"), ("cease", "ceas"), ("controll", "control"),
        ("is", "is"), ("as", "as"), ("été", "été"),
    ],
)  # fmt: skip
def test_stems(word: str, stemmed: str) -> None:
    assert stem(word) == stemmed


@given(st.text(max_size=30))
def test_any_word_has_a_stem(word: str) -> None:
    assert len(stem(word)) <= len(word) + 1
