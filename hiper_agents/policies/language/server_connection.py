"""Asking a server by HTTP: JSON there and back, faults that may pass tried again, any other told in one sentence."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from webshop_server.allowed_types import check_integer, check_number

TIMEOUT_SECONDS = 120.0
LONGEST_SECONDS = 86_400.0
FIRST_PAUSE_SECONDS = 0.5
PASSING_STATUSES = frozenset((408, 409, 425, 429, 500, 502, 503, 504))
MAX_ANSWER_BYTES = 1 << 26
READ_BYTES = 1 << 16
EXCERPT_CHARACTERS = 120


class ServerError(ConnectionError):
    """A server that gave no usable answer, in one sentence: a failure around the policy, not of it."""

    def __init__(self, told: str, status: int | None = None) -> None:
        super().__init__(told)
        self.status = status


class Connection:
    """Asks one server, again where a fault may pass.

    Args:
        address: Where it listens.
        key: What it wants to be shown; None for nothing.
        timeout: Seconds to wait for a whole answer.
        max_retries: Further tries after a connection that failed, and after an answer of `PASSING_STATUSES`.

    Raises:
        ValueError: An argument is wrong.
    """

    def __init__(
        self, address: str, key: str | None = None, timeout: float = TIMEOUT_SECONDS, max_retries: int = 2
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("a server's address is http://HOST:PORT or https://HOST:PORT, without a key in it")
        self.address = address.rstrip("/")
        self._key = key
        self.timeout = check_number(timeout, "timeout", 0.001, LONGEST_SECONDS)
        self.max_retries = check_integer(max_retries, "max_retries", 0)

    def ask(self, path: str, body: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """Return what the server answers, read from JSON.

        Args:
            path: What is asked, such as /v1/completions.
            body: What is sent; None to send nothing.
            timeout: Seconds to wait for the whole answer, if others than usual.

        Raises:
            ServerError: It does not answer, or with an error, or with what is no JSON.
        """
        num_left, pause = self.max_retries, FIRST_PAUSE_SECONDS
        while True:
            try:
                text = self._ask_once(path, body, timeout or self.timeout)
                break
            except ServerError as error:
                if num_left == 0 or (error.status is not None and error.status not in PASSING_STATUSES):
                    raise
            num_left -= 1
            time.sleep(pause)
            pause *= 2
        try:
            return json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            raise ServerError(f"{self.address}{path} answered with what is no JSON: {shorten(text)}") from None

    def _ask_once(self, path: str, body: Mapping[str, Any] | None, timeout: float) -> str:
        headers = {"Content-Type": "application/json"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None if body is None else json.dumps(body).encode()
        place = f"{self.address}{path}"
        deadline = time.monotonic() + timeout
        try:
            request = urllib.request.Request(place, data, headers)
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return _read_body(response, deadline).decode("utf-8", errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(READ_BYTES).decode("utf-8", errors="replace")
            raise ServerError(f"{place} answered {error.code}: {shorten(said)}", error.code) from None
        except TimeoutError:
            raise ServerError(f"{place} gave no whole answer within {timeout:g} seconds") from None
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise ServerError(f"{place} gave no whole answer within {timeout:g} seconds") from None
            raise ServerError(f"{place} cannot be asked: {shorten(str(reason) or type(reason).__name__)}") from None


def _read_body(response: Any, deadline: float) -> bytes:
    """Read an answer to its end; the socket's own limit holds for each piece alone."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(READ_BYTES):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > deadline:
            raise TimeoutError
        if size > MAX_ANSWER_BYTES:
            raise ValueError(f"its answer is longer than {MAX_ANSWER_BYTES >> 20} MiB")
    return b"".join(pieces)


def list_served(connection: Connection, path: str = "/v1/models") -> list[str]:
    """Return the names of the models that an OpenAI-compatible server serves.

    Args:
        connection: The server.
        path: Where it lists them.

    Raises:
        ServerError: It does not say so.
    """
    listed = connection.ask(path)
    rows = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        raise ServerError(f"{connection.address} does not say which models it serves: {shorten(json.dumps(listed))}")
    return [row["id"] for row in rows]


def find_in(value: Any, *names: str | int) -> Any:
    """Return what lies in nested JSON, None where it does not."""
    for name in names:
        try:
            value = value[name]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def shorten(text: str) -> str:
    """Return the beginning of a text on one line, in quotation marks."""
    text = " ".join(text.split())
    return repr(text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS]}…")
