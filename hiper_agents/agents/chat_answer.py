"""What a chat endpoint answered: the reply, why it ended, what it cost, and its tokens where they are given."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hiper_envs.episodes.record import CUT_OFF_REASONS

TOKEN_ID_START = "token_id:"
"""How vLLM writes a token with `return_tokens_as_token_ids`."""
EXCERPT_CHARACTERS = 120


class ChatError(RuntimeError):
    """An endpoint that gave no usable answer: a failure around the agent, not of what it decided."""


class ReplyTokens(NamedTuple):
    """The tokens of one reply, as far as the endpoint gave them; n of them.

    Attributes:
        ids: Their ids, n of them: `token_ids` of the choice (vLLM's `return_token_ids`), or read from "token_id:42".
        texts: What they read, n texts.
        log_probabilities: Natural logarithms of the probabilities with which they were drawn, n numbers.
        prompt_ids: Ids of the prompt's tokens, where the endpoint tells them.
    """

    ids: tuple[int, ...] | None
    texts: tuple[str, ...] | None
    log_probabilities: tuple[float, ...] | None
    prompt_ids: tuple[int, ...] | None


class Answer(NamedTuple):
    """One answer.

    Attributes:
        reply: The text; "" where the limit of tokens left none, a refusal's words where the model refused.
        finish_reason: Why the model stopped: "stop", "length", ...
        prompt_tokens: Tokens read.
        reply_tokens: Tokens written.
        cost: What the endpoint says it cost.
        tokens: The reply's tokens; None if the endpoint gives nothing of them.
    """

    reply: str
    finish_reason: str | None
    prompt_tokens: int | None
    reply_tokens: int | None
    cost: float | None
    tokens: ReplyTokens | None


def read_answer(body: str, endpoint: str) -> Answer:
    """Read the body of an endpoint's answer.

    Args:
        body: The body as text.
        endpoint: Name of the endpoint for messages.

    Raises:
        ChatError: It is no chat completion with a reply; the message says what came.
    """
    completion = _read_json(body, endpoint)
    choices = completion.get("choices")
    if not (isinstance(choices, list) and choices and isinstance(choices[0], dict)):
        raise _refuse(endpoint, _describe_error(completion) or f"no choice ({_shorten(body)})")
    choice: Mapping[str, Any] = choices[0]
    finish_reason = choice.get("finish_reason")
    usage = _mapping(completion.get("usage"))
    return Answer(
        reply=_read_reply(choice, endpoint),
        finish_reason=finish_reason if isinstance(finish_reason, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        reply_tokens=_count(usage.get("completion_tokens")),
        cost=_number(usage.get("cost")),
        tokens=_read_tokens(choice, completion),
    )


def _read_json(body: str, endpoint: str) -> Mapping[str, Any]:
    if not body.strip():
        raise _refuse(endpoint, "an empty body")
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        kind = {"<": "a web page", "{": "broken JSON"}.get(body.lstrip()[0], "no JSON")
        raise _refuse(endpoint, f"{kind} ({_shorten(body)})") from None
    if not isinstance(completion, dict):
        raise _refuse(endpoint, f"JSON that is no chat completion ({_shorten(body)})")
    return completion


def _read_reply(choice: Mapping[str, Any], endpoint: str) -> str:
    message = _mapping(choice.get("message"))
    content = message.get("content")
    if isinstance(content, list):  # parts, of which those of text are the reply
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(text for text in texts if isinstance(text, str))
    if content is None and isinstance(message.get("refusal"), str):
        content = message["refusal"]
    if content is None and str(choice.get("finish_reason")).lower() in CUT_OFF_REASONS:
        content = ""  # thoughts that the server keeps to itself took all there was
    if not isinstance(content, str):
        reason, said = choice.get("finish_reason"), _shorten(json.dumps(message))
        raise _refuse(endpoint, f"a message without content (finish reason {reason!r}, {said})")
    return content


def _read_tokens(choice: Mapping[str, Any], completion: Mapping[str, Any]) -> ReplyTokens | None:
    rows = _mapping(choice.get("logprobs")).get("content")
    rows = [_mapping(row) for row in rows] if isinstance(rows, list) else []
    texts = _all_of([row.get("token") for row in rows], str)
    numbers = _all_of([row.get("logprob") for row in rows], float)
    ids = _all_of(choice.get("token_ids"), int)
    if ids is None and texts and all(text.startswith(TOKEN_ID_START) for text in texts):
        written = [text.removeprefix(TOKEN_ID_START) for text in texts]
        if all(text.isdecimal() for text in written):
            ids, texts = tuple(map(int, written)), None
    if ids is not None:  # what is not of the same tokens is of no use
        texts, numbers = (part if part and len(part) == len(ids) else None for part in (texts, numbers))
    prompt_ids = _all_of(completion.get("prompt_token_ids") or choice.get("prompt_token_ids"), int)
    tokens = ReplyTokens(ids, texts, numbers, prompt_ids)
    return tokens if any(part is not None for part in tokens) else None


def _all_of(values: Any, kind: type) -> tuple[Any, ...] | None:
    """Return values that are all of a kind; None without any, or if one is not."""
    allowed = (int, float) if kind is float else (kind,)
    is_sequence = isinstance(values, Sequence) and not isinstance(values, str) and len(values) > 0
    if not is_sequence or any(type(value) not in allowed for value in values):
        return None
    return tuple(map(kind, values))


def _describe_error(completion: Mapping[str, Any]) -> str:
    """Return what an error with status 200 says, as some proxies send it."""
    error = completion.get("error")
    said = error.get("message") if isinstance(error, dict) else error
    return f"an error ({_shorten(str(said))})" if error else ""


def _refuse(endpoint: str, what: str) -> ChatError:
    return ChatError(f"the endpoint {endpoint} answered with {what}: a failure around the agent, not of its play")


def _shorten(text: str) -> str:
    text = " ".join(text[: 4 * EXCERPT_CHARACTERS].split())
    return text if len(text) <= EXCERPT_CHARACTERS else f"{text[:EXCERPT_CHARACTERS]} …"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
