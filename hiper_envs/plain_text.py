"""What agents say as plain text, which a file or a pipe can hold.

numpy's `rng.choice(actions)` gives a subclass of `str`, and a model's bytes cut in the middle half a surrogate pair;
neither can be written as JSON. Whatever an agent says passes through here before it is read, recorded or sent.
"""

import reprlib
import sys

import numpy as np

_SURROGATE_BITS, _REPLACEMENT = 0xD800 >> 11, 0xFFFD


def plain_reply(reply: object) -> str:
    """Return an agent's reply as a plain string that can be written: see `make_plain`.

    Raises:
        TypeError: It is no string.
    """
    if not issubclass(type(reply), str):  # isinstance would believe what an object says of its class
        raise TypeError(f"a reply must be a string, got {type(reply).__name__} ({reprlib.repr(reply):.60})")
    return make_plain(str.__str__(reply))


def make_plain(text: str) -> str:
    """Return a text as a `str` and no subclass, as long as before, with U+FFFD for each half of a surrogate pair."""
    text = str.__str__(text)
    try:
        text.encode()
    except UnicodeEncodeError:
        codes = np.array([text]).view(np.uint32)  # a codec would call its error handler for each of them
        codes[codes >> 11 == _SURROGATE_BITS] = _REPLACEMENT
        return codes.tobytes().decode(f"utf-32-{sys.byteorder[0]}e")
    return text


def describe_error(error: BaseException) -> str:
    """Return an exception's name and what it says, as plain text, even where it fails to say anything."""
    name = type(error).__name__
    try:
        return make_plain(f"{name}: {error}")
    except Exception as failure:
        return make_plain(f"{name}: (its text cannot be read: {type(failure).__name__})")
