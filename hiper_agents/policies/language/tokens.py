"""A small tokenizer made from the texts of the worlds, an ordinary one of transformers.

ALFWorld's texts are names (`mug 2`) between phrases that hardly vary (`. On the `, `, you see a `). So phrases that
come often are one token each, and every name is one token wherever it stands, its number another. All else is byte-pair
encoded over words, and whatever is no word of the worlds falls back on bytes: any text comes back as it was. The marks
and tags of the compact layout are single tokens; see `compact_layout` for why no page can hold one.

The same texts give the same files, byte for byte.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hiper_agents.policies.language.compact_layout import ACTS, BEGIN, BETWEEN, END, MARKS, PAD, TAGS, TASK
from webshop_server.allowed_types import check_integer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MAX_ENTRIES = 4_000
NUM_BYTES = 256
_MAX_PHRASE = 80
_MIN_PHRASES = 10
_MIN_SHARE_OF_TEXTS = 0.01
_MIN_SHARE_NUMBERED = 0.3
_MIN_MERGED = 10
_PREFERENCE = 1_000
"""How often a name and its number count when the merges are learnt, so that each becomes one token."""
_PIECES = (
    r" ?[bB]0[0-9A-Za-z]{8}(?![0-9A-Za-z])"  # a product's asin, which is drawn letter by letter
    r"| ?\p{N}+"
    "| ?\\p{L}+(?:['\u2019-]\\p{L}+)*"
    r"| ?[^\s\p{L}\p{N}]+"
    r"|\s"
)
_MARK = re.compile("|".join(re.escape(mark) for mark in sorted((*MARKS, *TAGS), key=len, reverse=True)))
_ACTS = re.compile(re.escape(ACTS) + r"(.*?)" + re.escape(TASK), re.DOTALL)
_WORD = re.compile(r"[a-z]+")
_NAME = re.compile(r"\b([a-z]+)( \d+)\b")


class _Vocabulary(NamedTuple):
    """What becomes one token, whatever the merges: names, numbers as they follow names, phrases between names."""

    names: Sequence[str]
    numbers: Sequence[str]
    numbered: Sequence[str]
    phrases: Sequence[str]


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
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    make: Any = PreTrainedTokenizerFast  # its arguments have no types
    texts = list(texts)
    if not any(texts):
        raise ValueError("there are no texts to make a tokenizer from")
    vocabulary = _read_vocabulary(texts)
    added = [*MARKS, *TAGS, *vocabulary.phrases, *vocabulary.numbered]
    least = NUM_BYTES + len(added) + len(vocabulary.names) + len(vocabulary.numbers)
    room = check_integer(max_entries, "max_entries", least) - len(added)
    tokenizer = Tokenizer(models.BPE())
    to_pieces = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([to_pieces, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=room, min_frequency=_MIN_MERGED, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(_list_words(texts, vocabulary), trainer)
    whole = frozenset(vocabulary.numbered)
    tokenizer.add_tokens(
        [AddedToken(text, normalized=False, special=False, single_word=text in whole) for text in added]
    )
    made: PreTrainedTokenizerFast = make(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    return made


def _read_vocabulary(texts: Sequence[str]) -> _Vocabulary:
    words, numbered, numbers, pairs = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for text in texts:
        words.update(_WORD.findall(text))
        for name, number in _NAME.findall(text):
            numbered[name] += 1
            numbers[number] += 1
            pairs[name + number] += 1
    names = [name for name, count in numbered.items() if count > 1 and count >= _MIN_SHARE_NUMBERED * words[name]]
    kept = frozenset(names)
    often = [pair for pair, count in pairs.items() if count >= _MIN_MERGED and pair.partition(" ")[0] in kept]
    return _Vocabulary(sorted(names), sorted(numbers), sorted(often), _find_phrases(texts, names))


def _find_phrases(texts: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    """Return what stands between names, marks and listed actions in many of the texts."""
    name = re.compile(rf"\b(?:{'|'.join(sorted(names, key=len, reverse=True))})\b(?: \d+)?" if names else r"(?!)")
    num_texts = Counter[str]()
    for text in texts:
        listed = _ACTS.sub(lambda acts: ACTS + acts[1].replace(BETWEEN, ACTS) + TASK, text)
        num_texts.update({phrase for piece in _MARK.split(listed) for phrase in name.split(piece)})
    least = max(_MIN_PHRASES, _MIN_SHARE_OF_TEXTS * len(texts))
    often = [phrase for phrase, count in num_texts.items() if count >= least and 1 < len(phrase) <= _MAX_PHRASE]
    # The decoder takes a token of other characters for bytes.
    return sorted({BETWEEN, *(phrase for phrase in often if phrase.isascii())})


def _list_words(texts: Sequence[str], vocabulary: _Vocabulary) -> Iterator[str]:
    """Yield what the merges are learnt from: names and numbers, and what no single token covers."""
    single = sorted((*MARKS, *TAGS, *vocabulary.phrases, *vocabulary.numbered), key=len, reverse=True)
    covered = re.compile("|".join(map(re.escape, single)))
    for word in (*vocabulary.names, *vocabulary.numbers):
        yield from [word] * _PREFERENCE
    for text in texts:
        yield from filter(None, covered.split(text))
