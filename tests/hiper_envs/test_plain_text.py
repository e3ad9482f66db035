"""Whatever an agent or a world says can be written."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.plain_text import describe_error, make_plain, plain_reply


class Text(str):
    def __str__(self) -> str:
        return "something else"


@pytest.mark.parametrize(
    ("reply", "plain"),
    [
        ("look é 你 😀", "look é 你 😀"),
        (Text("look"), "look"),
        (np.str_("look"), "look"),
        ("go \ud83d", "go \ufffd"),
        ("\udc00\ud83d😀", "\ufffd\ufffd😀"),
    ],
)
def test_any_string_is_a_reply(reply: str, plain: str) -> None:
    assert plain_reply(reply) == plain and type(plain_reply(reply)) is str


class Pretender:
    """Says that it is a string."""

    @property  # type: ignore[misc]
    def __class__(self) -> type[str]:
        return str

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("reply", "kind"), [(b"look", "bytes"), (None, "NoneType"), (Pretender(), "Pretender")], ids=range(3)
)
def test_what_is_no_string_is_no_reply(reply: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"a reply must be a string, got {kind} "):
        plain_reply(reply)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_plain_text_is_as_long_and_can_be_written(text: str) -> None:
    plain = make_plain(text)
    assert len(plain) == len(text) and plain.encode().decode() == plain == make_plain(plain)
    assert all(new == old or 0xD800 <= ord(old) <= 0xDFFF for old, new in zip(text, plain, strict=True))


class Fussy(Exception):
    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def __str__(self) -> str:
        raise self.failure


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError("lost"), "ValueError: lost"),
        (ValueError("\ud800"), "ValueError: \ufffd"),
        (ValueError("lost: "), "ValueError: lost: "),
        (KeyError(), "KeyError"),
        (Fussy(ValueError("no message")), "Fussy: (its text cannot be read: ValueError)"),
        (Fussy(SystemExit()), "Fussy: (its text cannot be read: SystemExit)"),
    ],
)
def test_any_exception_has_a_name(error: BaseException, described: str) -> None:
    assert describe_error(error) == described
