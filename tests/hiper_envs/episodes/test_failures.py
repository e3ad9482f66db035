"""Failures around an agent are told apart from its own."""

import errno
import socket
import urllib.error
from email.message import Message
from types import SimpleNamespace
from typing import Any

import pytest

from hiper_envs.episodes.failures import kind_of_failure


def named(name: str, base: type[Exception] = Exception, **attributes: Any) -> Exception:
    error = type(name, (base,), {})("no")
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


def raised_from(error: Exception, cause: BaseException | None) -> Exception:
    error.__cause__ = cause
    return error


AROUND = [
    ConnectionRefusedError("refused"),
    TimeoutError("late"),
    socket.gaierror(-2, "no such host"),
    OSError(errno.ENOSPC, "disk full"),
    urllib.error.HTTPError("http://x", 400, "bad", Message(), None),
    named("APIConnectionError"),
    named("MyTimeout", type("APITimeoutError", (Exception,), {})),
    named("Refused", status_code=503),
    named("Refused", status_code=429),
    named("Refused", status=502),
    named("Refused", response=SimpleNamespace(status_code=401)),
    raised_from(RuntimeError("gave up"), ConnectionResetError("reset")),
    raised_from(RuntimeError("gave up"), raised_from(ValueError("no reply"), named("RateLimitError"))),
]


@pytest.mark.parametrize("error", AROUND, ids=repr)
def test_failures_around(error: Exception) -> None:
    assert kind_of_failure(error) == "around"


def loop() -> Exception:
    first = ValueError("round")
    return raised_from(first, raised_from(RuntimeError("and round"), first))


class Fussy(Exception):
    @property
    def status_code(self) -> int:
        raise ConnectionError("no status")

    def __str__(self) -> str:
        raise ValueError("no message")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("lost"),
        KeyError("x"),
        named("BadRequestError", status_code=400),
        named("Odd", status_code="503", code=True),
        raised_from(KeyError("x"), ValueError("y")),
        SystemExit(503),
        loop(),
        Fussy(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_of_the_agent(error: BaseException) -> None:
    assert kind_of_failure(error) == "agent"


def test_handling_a_failure_around_does_not_excuse_the_next_one() -> None:
    with pytest.raises(KeyError) as caught:
        try:
            raise ConnectionError("down")
        except ConnectionError:
            {}["fallback"]
    assert kind_of_failure(caught.value) == "agent"


def test_errors_of_the_openai_client() -> None:
    openai = pytest.importorskip("openai", reason="needs the extra chat")
    import httpx

    request = httpx.Request("POST", "http://127.0.0.1/v1")
    response = {status: httpx.Response(status, request=request) for status in (400, 401, 404, 429, 500)}
    made = {
        "around": [
            openai.APIConnectionError(request=request),
            openai.APITimeoutError(request),
            openai.InternalServerError("no", response=response[500], body=None),
            openai.RateLimitError("no", response=response[429], body=None),
            openai.AuthenticationError("no", response=response[401], body=None),
            openai.NotFoundError("no", response=response[404], body=None),
            httpx.ConnectError("no"),
            httpx.ReadTimeout("no"),
        ],
        "agent": [openai.BadRequestError("no", response=response[400], body=None), openai.OpenAIError("no")],
    }
    for kind, errors in made.items():
        assert [kind_of_failure(error) for error in errors] == [kind] * len(errors)
