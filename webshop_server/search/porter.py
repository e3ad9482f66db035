"""Porter's stemmer in its author's extended variant ("bli" becomes "ble", "logi" becomes "log")."""

from __future__ import annotations

import re

_VOWEL = "aeiou"
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize", "bli": "ble", "alli": "al",
    "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize", "ation": "ate", "ator": "ate", "alism": "al",
    "iveness": "ive", "fulness": "ful", "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble", "logi": "log",
}  # fmt: skip
_STEP_3 = {"icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": ""}
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip
_SHORTEST_STEMMED = 3


def _longest_first(endings: list[str] | tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("(?:" + "|".join(sorted(endings, key=len, reverse=True)) + r")\Z")


_ENDING_2 = _longest_first(list(_STEP_2))
_ENDING_3 = _longest_first(list(_STEP_3))
_ENDING_4 = _longest_first(_STEP_4)


def stem(word: str) -> str:
    """Return the stem of a lowercase word; words of one or two UTF-16 code units stay as they are."""
    if len(word) < _SHORTEST_STEMMED and len(word.encode("utf-16-le")) < 2 * _SHORTEST_STEMMED:
        return word
    word = _strip_inflection(_strip_plural(word))
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    word = _replace_ending(word, _ENDING_2, _STEP_2)
    word = _replace_ending(word, _ENDING_3, _STEP_3)
    return _tidy_end(_strip_suffix(word))


def _form(word: str) -> str:
    """Write a word as c and v, one for each UTF-16 code unit: a "y" is a vowel after a consonant only."""
    form = ""
    for letter in word:
        is_vowel = letter in _VOWEL or (letter == "y" and form[-1:] == "c")
        form += "v" if is_vowel else "cc" if letter > "\uffff" else "c"
    return form


def _measure(word: str) -> int:
    """Count the consonants that follow a vowel, runs counted once."""
    return _form(word).count("vc")


def _has_vowel(word: str) -> bool:
    return "v" in _form(word)


def _ends_in_double(word: str) -> bool:
    return len(word) > 1 and word[-1] == word[-2] and _form(word)[-1] == "c"


def _ends_short(word: str) -> bool:
    """Say whether the word ends consonant, vowel, consonant, the last not w, x or y."""
    return _form(word)[-3:] == "cvc" and word[-1] not in "wxy"


def _strip_plural(word: str) -> str:
    if word.endswith(("sses", "ies")):
        return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _strip_inflection(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        rest = word.removesuffix(ending)
        if rest != word and _has_vowel(rest):
            return _mend_end(rest)
    return word


def _mend_end(word: str) -> str:
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if _ends_in_double(word):
        return word if word[-1] in "lsz" else word[:-1]
    if _measure(word) == 1 and _ends_short(word):
        return word + "e"
    return word


def _replace_ending(word: str, endings: re.Pattern[str], replacements: dict[str, str]) -> str:
    found = endings.search(word)
    if found and _measure(word[: found.start()]) > 0:
        return word[: found.start()] + replacements[found.group()]
    return word


def _strip_suffix(word: str) -> str:
    found = _ENDING_4.search(word)
    if not found:
        return word
    rest = word[: found.start()]
    if found.group() == "ion" and not rest.endswith(("s", "t")):
        return word
    return rest if _measure(rest) > 1 else word


def _tidy_end(word: str) -> str:
    if word.endswith("e"):
        rest = word[:-1]
        measure = _measure(rest)
        if measure > 1 or (measure == 1 and not _ends_short(rest)):
            word = rest
    if word.endswith("ll") and _measure(word) > 1:
        word = word[:-1]
    return word
