"""Any OpenAI-compatible chat endpoint as an agent."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hiper_agents.agents.chat_answer import Answer, ChatError, ReplyTokens, read_answer
from hiper_envs.episodes.record import Usage
from hiper_envs.plain_text import describe_error, make_plain
from hiper_envs.prompts import Conversation, PromptConfig
from webshop_server.allowed_names import refuse_unknown
from webshop_server.extras import MissingExtraError

INSTALL_SENTENCE = "the chat agent needs the openai package: pip install 'hiper-suite[chat]'"
TOKENS_PER_PRICE = 1_000_000
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 8.0
OWN_PARAMETERS = ("model", "messages", "stream", "n")
"""What a request cannot change: the agent sends one conversation and reads one whole reply."""
SECRET_PARAMETERS = ("extra_headers", "extra_query")
"""What a card leaves out, because keys are sent there."""

Value = str | int | float | bool | None


class ChatAgent:
    """Plays by asking a chat model for each reply.

    Failed requests (connection, 408, 409, 429, 5xx) and answers without a reply (a web page, broken JSON, no choice, no
    content, no end) are tried again with growing pauses, `max_retries` times in all; what still fails is raised, and so
    becomes a recorded episode.

    A request holds the model, the messages and the episode's seed, and what the arguments add; servers differ in what
    else they take. What is None is not sent: `request={"seed": None}` is for a server that knows no seed.

    Args:
        model: The endpoint's name of the model.
        base_url: The endpoint; None for the client library's own default and environment variables.
        api_key: The key; None to take it from the environment. Local servers take any.
        prompt: How prompts are written; its style decides between HiPER, plan-execute and ReAct.
        max_retries: Further tries for a request that failed.
        timeout: Seconds to wait for the beginning of a reply, and again for all of it.
        max_reply_tokens: Longest reply, sent as `max_tokens`.
        temperature: Sampling temperature.
        prompt_price: Price of a million tokens read, in any currency.
        reply_price: Price of a million tokens written.
        request: Parameters of the request by their names in the client library's `chat.completions.create`, such as
            `max_completion_tokens`, `top_p`, `logprobs` or `extra_body`; they go before the ones above.
        ignores_case: Whether the agent's actions are played without regard to case, see `SubgoalWrapper`.

    Attributes:
        usage: Tokens, cost and finish reason of the last reply.
        tokens: Ids and log-probabilities of the last reply's tokens; None if the endpoint gave none.
        num_requests: Replies received so far.
        prompt_tokens: Tokens read so far.
        reply_tokens: Tokens written so far.
        cost: What all replies so far cost: what the endpoint says, else by the prices.

    Raises:
        MissingExtraError: The client library is not installed.
        ValueError: `request` holds what the agent itself decides.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        prompt: PromptConfig | None = None,
        max_retries: int = 4,
        timeout: float = 60.0,
        max_reply_tokens: int | None = None,
        temperature: float | None = None,
        prompt_price: float = 0.0,
        reply_price: float = 0.0,
        request: Mapping[str, Any] | None = None,
        ignores_case: bool = True,
    ) -> None:
        try:
            import openai
        except ModuleNotFoundError as error:
            raise MissingExtraError(INSTALL_SENTENCE) from error
        self.model = model
        self.prompt = prompt or PromptConfig()
        self.request = {"max_tokens": max_reply_tokens, "temperature": temperature, **(request or {})}
        self.ignores_case = ignores_case
        self.max_retries = max_retries
        self.timeout = timeout
        self.prompt_price, self.reply_price = prompt_price, reply_price
        self.num_requests = self.prompt_tokens = self.reply_tokens = 0
        self.cost = 0.0
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key, timeout=timeout)
        for name in request or {}:
            _check_parameter(name, type(self._client.chat.completions).create)
        self.endpoint = _without_credentials(str(self._client.base_url))
        self.reset(0)

    @property
    def card(self) -> dict[str, Value]:
        """What plays, without secrets, for the header of a run."""
        parameters = {name: value for name, value in self.request.items() if name not in SECRET_PARAMETERS}
        return {
            "model": self.model,
            "endpoint": self.endpoint,
            "prompt_style": self.prompt.style,
            "prompt_version": self.prompt.version,
            "lists_actions": self.prompt.lists_actions,
            "history_turns": self.prompt.history_turns,
            "max_characters": self.prompt.max_characters,
            "ignores_case": self.ignores_case,
            **{name: _plain_value(value) for name, value in parameters.items() if value is not None},
        }

    def reset(self, seed: int) -> None:
        """Forget the last episode; `seed` goes with each request."""
        self.seed = seed
        self.usage: Usage | None = None
        self.tokens: ReplyTokens | None = None
        self._conversation = Conversation(self.prompt)

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """Ask the model for the reply to an observation.

        Raises:
            openai.OpenAIError: The endpoint refused the request or could not be reached, after all tries.
            ChatError: It answered without a reply, after all tries.
        """
        self.usage = self.tokens = None
        answer = self._ask(self._conversation.ask(observation, info).messages)
        reply = make_plain(answer.reply)
        self._conversation.answer(reply)
        self.tokens = answer.tokens
        self._count(answer)
        return reply

    def _ask(self, messages: Any) -> Answer:
        request = {"seed": self.seed, **self.request}
        parameters: Any = {name: value for name, value in request.items() if value is not None}
        num_left, pause = self.max_retries, FIRST_PAUSE_SECONDS
        while True:
            completions = self._client.with_options(max_retries=num_left).chat.completions.with_streaming_response
            with completions.create(model=self.model, messages=messages, **parameters) as response:
                try:
                    return read_answer(self._read_body(response.http_response), self.endpoint)
                except ChatError:
                    num_left -= response.retries_taken + 1
                    if num_left < 0:
                        raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _read_body(self, response: Any) -> str:
        """Return the body of an answer; the client library limits the time of each piece of it only."""
        deadline = time.monotonic() + self.timeout
        pieces = []
        try:
            for piece in response.iter_bytes():
                pieces.append(piece)
                if time.monotonic() > deadline:
                    raise ChatError(
                        f"the endpoint {self.endpoint} did not end its answer within {self.timeout:g} seconds"
                    )
        except ChatError:
            raise
        except Exception as error:  # the connection's, whatever library the client is built on
            said = f"the endpoint {self.endpoint} broke off its answer: {describe_error(error)}"
            raise ChatError(said) from error
        return b"".join(pieces).decode(response.encoding or "utf-8", errors="replace")

    def _count(self, answer: Answer) -> None:
        paid = (answer.prompt_tokens or 0) * self.prompt_price + (answer.reply_tokens or 0) * self.reply_price
        cost = answer.cost
        if cost is None and (self.prompt_price or self.reply_price) and answer.prompt_tokens is not None:
            cost = paid / TOKENS_PER_PRICE
        self.usage = Usage(answer.prompt_tokens, answer.reply_tokens, cost, answer.finish_reason)
        self.num_requests += 1
        self.prompt_tokens += answer.prompt_tokens or 0
        self.reply_tokens += answer.reply_tokens or 0
        self.cost += cost or 0.0


def _check_parameter(name: str, create: Callable[..., object]) -> None:
    if name in OWN_PARAMETERS:
        raise ValueError(f"request cannot hold {name!r}, which the agent decides: leave it out")
    try:
        refuse_unknown([name], create)
    except ValueError as error:
        raise ValueError(f"request: {error}; what only the server knows goes into extra_body") from None


def _without_credentials(url: str) -> str:
    """Return an address without the name, password, query and fragment that keys are put into."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _plain_value(value: Any) -> Value:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return value if isinstance(value, int | float | None) else make_plain(text)
