"""Failures of an agent, told apart from failures around it: of its endpoint, of the network, of the machine.

A failure lies around the agent if the exception, or one that it was raised from (`raise ... from error`), is

* an `OSError`: a refused or lost connection, a time-out of the network, a full disk;
* of a class that a client library names so, see `AROUND_NAMES`;
* an answer of a server with one of `AROUND_STATUSES` or 500 to 599, as `status_code`, `status` or `code` of the
  exception or of its `response`.
"""

from collections.abc import Iterator

from hiper_envs.episodes.record import ErrorKind

_NAMES_BY_LIBRARY = {
    "openai, anthropic, litellm": (
        "APIConnectionError",
        "APITimeoutError",
        "InternalServerError",
        "OverloadedError",
        "RateLimitError",
        "ServiceUnavailableError",
    ),
    "httpx": ("TransportError",),
    "aiohttp": ("ClientConnectionError", "ServerTimeoutError"),
    "urllib3": ("MaxRetryError", "ProtocolError", "TimeoutError"),
    "botocore": ("ConnectTimeoutError", "EndpointConnectionError", "ReadTimeoutError"),
    "google": ("DeadlineExceeded", "ResourceExhausted", "ServiceUnavailable", "TooManyRequests"),
}
AROUND_NAMES = frozenset(name for names in _NAMES_BY_LIBRARY.values() for name in names)
AROUND_STATUSES = frozenset((401, 402, 403, 404, 407, 408, 409, 425, 429))
"""Answers that say nothing of the agent: no right to ask, nothing there, too busy."""
MAX_CAUSES = 16


def kind_of_failure(error: BaseException) -> ErrorKind:
    """Return whether an exception tells of a failure of the agent or around it, see the module's documentation."""
    return "around" if any(_is_around(cause) for cause in _causes(error)) else "agent"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if cause is None:
            return
        yield cause
        cause = cause.__cause__


def _is_around(error: BaseException) -> bool:
    if not isinstance(error, Exception):
        return False
    is_named = any(kind.__name__ in AROUND_NAMES for kind in type(error).__mro__)
    return isinstance(error, OSError) or is_named or any(map(_is_around_status, _statuses(error)))


def _statuses(error: Exception) -> Iterator[object]:
    for owner in (error, _read(error, "response")):
        for name in ("status_code", "status", "code"):
            yield _read(owner, name)


def _is_around_status(status: object) -> bool:
    return isinstance(status, int) and (status in AROUND_STATUSES or 500 <= status <= 599)


def _read(owner: object, name: str) -> object:
    """Return an attribute, None if there is none or reading it fails."""
    try:
        return getattr(owner, name, None)
    except Exception:
        return None
