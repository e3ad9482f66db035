"""A small tokenizer made from the texts of the worlds, an ordinary one of transformers.

A text is cut into pieces: marks and tags of the compact layout, phrases that come often (`. On the `, `, you see a `),
names (`mug`) wherever they stand, numbers behind them (` 2`), asins a few letters at a time, and words. Frequent pieces
are a token each; any other is byte-pair encoded, down to single bytes, so that every text comes back as it was. See
`compact_layout` for why no page can hold a mark.

The same texts give the same files, byte for byte.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from hiper_agents.policies.language.compact_layout import ACTS, BEGIN, BETWEEN, END, MARKS, PAD, TAGS, TASK
from hiper_agents.policies.language.webshop_layout import PHRASES
from webshop_server.allowed_types import check_integer
from webshop_server.shop.actions import CLICK_START

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer
    from transformers import PreTrainedTokenizerFast

MAX_ENTRIES = 4_000
SHARE_OF_MERGES = 0.25
"""Of the entries that are left for words, how many are merges to spell rare ones with."""
_NUM_BYTES = 256
_MAX_PHRASE = 80
_MIN_TEXTS, _MIN_SHARE_OF_TEXTS = 10, 0.01
_MIN_SHARE_NUMBERED = 0.3
_MIN_MERGED = 3
_LETTER = "[0-9A-Za-z]"
_ASIN = (
    rf" ?[bB]0{_LETTER}(?={_LETTER * 7}(?!{_LETTER}))",
    rf"(?<=[bB]0{_LETTER}){_LETTER * 2}(?={_LETTER * 5}(?!{_LETTER}))",
    rf"(?<=[bB]0{_LETTER * 3}){_LETTER * 2}(?={_LETTER * 3}(?!{_LETTER}))",
    rf"(?<=[bB]0{_LETTER * 5}){_LETTER * 2}(?={_LETTER}(?!{_LETTER}))",
    rf"(?<=[bB]0{_LETTER * 7}){_LETTER}(?!{_LETTER})",
)
"""An asin as `b0g`, `nm`, `iz`, `yv`, `f`. All on a page begin much alike; the first pair tells nearly any two apart,
and from there on a model can copy pair by pair what came before on the page."""
_PIECES = (
    *_ASIN,
    r"\.\p{N}{1,2}(?!\p{N})",  # cents
    r" ?\p{N}+",
    " ?\\p{L}+(?:['\u2019-]\\p{L}+)*",
    r" ?[^\s\p{L}\p{N}]+",
    r"\s",
)
_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_MARK = re.compile("|".join(map(re.escape, sorted((*MARKS, *TAGS), key=len, reverse=True))))
_ACTS = re.compile(re.escape(ACTS) + r"(.*?)" + re.escape(TASK), re.DOTALL)
_SUBGOAL = re.compile(r"<subgoal>([^<]+)</subgoal>")
_WORD = re.compile(r"[a-z]+")
_NAME = re.compile(r"\b([a-z]+)( \d+)\b")


class _Vocabulary(NamedTuple):
    """What is one token in any case: names, numbers as they follow names, phrases, and the pieces of asins."""

    names: Sequence[str]
    numbers: Sequence[str]
    phrases: Sequence[str]
    pieces: Sequence[str]


def build_tokenizer(texts: Iterable[str], max_entries: int = MAX_ENTRIES) -> "PreTrainedTokenizerFast":
    """Make a tokenizer from whole texts of episodes, as `corpus.collect_texts` yields them.

    Args:
        texts: The texts, of one world or of several.
        max_entries: The largest vocabulary; texts that vary little need less.

    Returns:
        A tokenizer whose texts begin with `<|begin|>` (its bos token) and whose replies end with `</action>` (its eos
        token); it adds neither by itself. Decode with `skip_special_tokens=False` to keep them.

    Raises:
        ValueError: There are no texts, or `max_entries` is too small for the bytes, names and phrases.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    texts = list(texts)
    if not any(texts):
        raise ValueError("there are no texts to make a tokenizer from")
    vocabulary = _read_vocabulary(texts)
    splitter = _make_splitter(vocabulary)
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    entries, merges = _choose_entries(texts, vocabulary, splitter, max_entries)
    model = models.BPE({entry: number for number, entry in enumerate(entries)}, merges, ignore_merges=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([splitter, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(mark, normalized=False, special=False) for mark in (*MARKS, *TAGS)])
    make: Any = PreTrainedTokenizerFast  # its arguments have no types
    made: PreTrainedTokenizerFast = make(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    return made


def _read_vocabulary(texts: Sequence[str]) -> _Vocabulary:
    shop = [text for text in texts if CLICK_START in text]
    others = [text for text in texts if CLICK_START not in text]
    words, numbered, numbers = Counter[str](), Counter[str](), Counter[str]()
    for text in others:
        words.update(_WORD.findall(text))
        for name, number in _NAME.findall(text):
            numbered[name] += 1
            numbers[number] += 1
    names = [name for name, count in numbered.items() if count > 1 and count >= _MIN_SHARE_NUMBERED * words[name]]
    phrases = {BETWEEN, *_find_phrases(others, names), *_find_subgoals(shop), *(PHRASES if shop else ())}
    pairs = [first + second for first in _BASE_36 for second in _BASE_36]
    pieces = [*(f"b0{letter}" for letter in _BASE_36), *pairs] if shop else []
    single = frozenset((*names, *numbers, *phrases))
    return _Vocabulary(sorted(names), sorted(numbers), sorted(phrases), [each for each in pieces if each not in single])


def _find_phrases(texts: Sequence[str], names: Sequence[str]) -> Iterable[str]:
    """Return what stands between names, marks and listed actions in many of the texts."""
    name = re.compile(rf"\b(?:{_any_of(names)})\b(?: \d+)*" if names else r"(?!)")

    def cut(text: str) -> set[str]:
        listed = _ACTS.sub(lambda acts: ACTS + acts[1].replace(BETWEEN, ACTS) + TASK, text)
        return {phrase for piece in _MARK.split(listed) for phrase in name.split(piece)}

    counts = Counter(phrase for text in texts for phrase in cut(text))
    least = max(_MIN_TEXTS, _MIN_SHARE_OF_TEXTS * len(texts))
    return [phrase for phrase, count in counts.items() if count >= least and 1 < len(phrase) <= _MAX_PHRASE]


def _find_subgoals(texts: Sequence[str]) -> Iterable[str]:
    """Return the subgoals that many of the texts declare; a shop's pages are prose, where phrases would be titles."""
    counts = Counter(subgoal for text in texts for subgoal in set(_SUBGOAL.findall(text)))
    return [subgoal for subgoal, count in counts.items() if count >= max(_MIN_TEXTS, len(texts) / 10)]


def _any_of(texts: Iterable[str]) -> str:
    """Return the pattern of any of some texts, the longest that fits."""
    return "|".join(map(re.escape, sorted(texts, key=lambda text: (-len(text), text))))


def _make_splitter(vocabulary: _Vocabulary) -> "PreTokenizer":
    """Return what cuts a text into pieces; a phrase that begins with a letter begins no earlier than a word."""
    from tokenizers import Regex, pre_tokenizers

    of_words = [phrase for phrase in vocabulary.phrases if phrase[0].isalnum()]
    others = [phrase for phrase in vocabulary.phrases if not phrase[0].isalnum()]
    names = rf"\b(?:{_any_of(vocabulary.names)})\b" if vocabulary.names else ""
    kinds = [
        rf"\b(?:{_any_of(of_words)})" if of_words else "",
        _any_of(others),
        names,
        rf" (?={names})" if names else "",
    ]
    return pre_tokenizers.Split(Regex("|".join(filter(None, [*kinds, *_PIECES]))), "isolated")


def _choose_entries(
    texts: Sequence[str], vocabulary: _Vocabulary, splitter: "PreTokenizer", max_entries: int
) -> tuple[Sequence[str], list[tuple[str, str]]]:
    """Return the entries in the order of their ids, pieces of bytes as such, and the merges."""
    from tokenizers import pre_tokenizers

    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    certain = [to_bytes.pre_tokenize_str(text)[0][0] for text in chain(*vocabulary)]
    least = len(MARKS) + len(TAGS) + _NUM_BYTES + len(certain)
    room = check_integer(max_entries, "max_entries", least) - least
    counts, num_texts = Counter[str](), Counter[str]()
    for text in texts:
        pieces = Counter(piece for part in _MARK.split(text) for piece, _ in splitter.pre_tokenize_str(part))
        counts.update(pieces)
        num_texts.update(pieces.keys())
    speller = _train_speller(sorted(counts.keys() - set(chain(*vocabulary))), int(SHARE_OF_MERGES * room))
    model = json.loads(speller.to_str())["model"]
    known = dict.fromkeys((*MARKS, *TAGS, *sorted(model["vocab"], key=model["vocab"].get), *certain))
    saved = Counter[str]()
    for piece, count in counts.items():
        spelt = speller.encode(piece).tokens
        if len(spelt) > 1 and num_texts[piece] >= _MIN_TEXTS:
            saved["".join(spelt)] = count * (len(spelt) - 1)
    others = sorted(saved.keys() - known.keys(), key=lambda entry: (-saved[entry], entry))
    return [*known, *others[: max_entries - len(known)]], [tuple(merge) for merge in model["merges"]]


def _train_speller(pieces: Sequence[str], num_merges: int) -> "Tokenizer":
    """Return what spells pieces, each of which counts once: the frequent ones need no spelling."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    speller = Tokenizer(models.BPE())
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    speller.pre_tokenizer = to_bytes
    alphabet = sorted(to_bytes.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=_NUM_BYTES + num_merges,
        min_frequency=_MIN_MERGED,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    speller.train_from_iterator(pieces, trainer)
    return speller
