"""Word breaks of Unicode Standard Annex 29 as Lucene 8's standard tokenizer draws them.

The class of each character (Unicode 9.0, emoji of Emoji 11.0) lies in ``word_break.txt``; there a letter stands for
a class: A letter, H Hebrew letter, L letter that is an emoji too, N numeric, D ASCII digit, K katakana, U extending
number-letter ("_"), m mid-letter, n mid-number, b mid-number-letter, q and Q single and double quote, e extend or
format, z zero-width joiner, v and w the emoji and the text selector, k keycap, t and T tag and its end, J han,
I hiragana, S complex script of South-East Asia, y such a character that extends, R regional indicator, P emoji,
B emoji that takes a skin tone, M skin tone, C the signs that begin a keycap.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

MAX_WORD_UNITS = 255
"""UTF-16 code units after which the tokenizer cuts a word."""

_ASCII_WORD = re.compile(
    r"(?<!_)_*[A-Za-z0-9](?:_*[A-Za-z0-9]|(?<=[A-Za-z])[:.'][A-Za-z]|(?<=[0-9])[.,;'][0-9])*_*",
)
_EXTENDING = b"ezvwktTy"
_IS_EXTENDING = frozenset(_EXTENDING)
_IS_WEAK = frozenset(_EXTENDING + b"mbnqQURC")
_IS_INERT = frozenset(b"ezvwktTmbnqQU.")
_DROP_EXTENDING = bytes.maketrans(b"D", b"N")

# The rules for words look at classes with everything that extends the character before it left out. A Hebrew letter
# may end in a quote, or join another one over a double quote; a chain of letters must leave such a letter alone.
_QUOTED_HEBREW = rb"H(?:q|QH)"
_NUMBER = rb"N(?:(?:U*|[nbq])N)*"
_LETTERS = rb"[AHL](?:(?:U*(?!" + _QUOTED_HEBREW + rb")|[mbq])[AHL])*"
_KATAKANA = rb"K(?:U*K)*"
_GROUP = rb"(?:" + _KATAKANA + rb"|(?:" + _QUOTED_HEBREW + rb"|" + _NUMBER + rb"|" + _LETTERS + rb")+)"
_WORD = re.compile(rb"U*" + _GROUP + rb"(?:U+" + _GROUP + rb")*U*")

# An emoji is a sign or several joined by z; v may follow a plain sign, but not a skin tone.
_MORE = rb"[ezktTy]*"
_PLAIN = rb"[LPB]" + _MORE + rb"(?:v(?:z+(?=[LPB])|z(?=M))?)?"
_TONED = rb"(?:B" + _MORE + rb")?M" + _MORE
_SIGN = rb"(?:" + _TONED + rb"|" + _PLAIN + rb")"
_SIGNS = _SIGN + rb"(?:(?<=z)" + _SIGN + rb")*"
_TAGGED = rb"[LPB]" + _MORE + rb"vt+T"
_EMOJI = rb"(?:z*(?=[LPB])|(?=M))(?:" + _TAGGED + rb"|" + _SIGNS + rb")"
_KEYCAP = rb"[CD]" + _MORE + rb"v?k" + _MORE
_SCRIPT = rb"(?:R[ezvwktTy]*){2}|(?:[Sy][ezvwktT]*)+|[JI][ezvwktTy]*"
_OTHERS = re.compile(_EMOJI + rb"|" + _KEYCAP + rb"|" + _SCRIPT)


@cache
def _read_classes() -> bytes:
    """Return the class letter of every code point ("." where a character belongs to no word)."""
    classes = bytearray(b"." * 0x110000)
    source = resources.files("webshop_server.search").joinpath("word_break.txt").read_text(encoding="ascii")
    for line in source.splitlines():
        if line.startswith("# "):
            continue
        letter, *ranges = line.split()
        for item in ranges:
            first, _, last = item.partition("-")
            start, stop = int(first, 16), int(last or first, 16) + 1
            classes[start:stop] = letter.encode() * (stop - start)
    return bytes(classes)


def split_words(text: str) -> list[str]:
    """Return the words of `text` in order.

    Args:
        text: Any text; blanks, line breaks and control characters only separate words.
    """
    if text.isascii():
        words = _ASCII_WORD.findall(text)
        if not words or max(map(len, words)) <= MAX_WORD_UNITS:
            return words
    return _split_by_longest_match(text)


def _split_by_longest_match(text: str) -> list[str]:
    """Return the words of any text, the longest match at each place within what the tokenizer sees."""
    words = []
    start = 0
    while start < len(text):
        window = _cut_window(text, start)
        matcher = _Matcher(window)
        is_last = start + len(window) == len(text)
        place = 0
        while place < len(window):
            length = matcher.match(place)
            if place and not is_last and place + length > matcher.last_strong:
                break
            if length:
                words.append(window[place : place + length])
            place += length or 1
        start = start + place if matcher.is_active or is_last else _skip_inert(text, start + place)
    return words


def _skip_inert(text: str, start: int) -> int:
    """Return a place not after the next word: where a window first reaches a character that can begin one."""
    classes = _read_classes()
    active = next((i for i in range(start, len(text)) if classes[ord(text[i])] not in _IS_INERT), len(text))
    return max(start, active - MAX_WORD_UNITS)


def _cut_window(text: str, start: int) -> str:
    """Return what the tokenizer sees from `start`: at most 255 UTF-16 code units."""
    window = text[start : start + MAX_WORD_UNITS]
    if window.isascii():
        return window
    units = 0
    for index, character in enumerate(window):
        units += 2 if ord(character) > 0xFFFF else 1
        if units > MAX_WORD_UNITS:
            return window[:index]
    return window


class _Matcher:
    """The longest word at each place of one short text."""

    def __init__(self, text: str) -> None:
        classes = _read_classes()
        self._classes = bytes(classes[ord(character)] for character in text)
        self._bases = [i for i, letter in enumerate(self._classes) if letter not in _IS_EXTENDING]
        self._folded = self._classes.translate(_DROP_EXTENDING, _EXTENDING)
        self.last_strong = max((i for i in self._bases if self._classes[i] not in _IS_WEAK), default=0)
        self.is_active = any(letter not in _IS_INERT for letter in self._classes)
        self._index_of_base = {base: index for index, base in enumerate(self._bases)}

    def match(self, place: int) -> int:
        """Return the length of the longest word that begins at `place`, 0 if none does."""
        other = _OTHERS.match(self._classes, place)
        length = other.end() - place if other else 0
        index = self._index_of_base.get(place)
        word = _WORD.match(self._folded, index) if index is not None else None
        if word:
            end = self._bases[word.end()] if word.end() < len(self._bases) else len(self._classes)
            length = max(length, end - place)
        return length
