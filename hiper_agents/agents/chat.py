"""Any OpenAI-compatible chat endpoint as an agent."""

from collections.abc import Mapping
from typing import Any

from hiper_envs.episodes.record import Usage
from hiper_envs.prompts import PastTurn, PromptConfig, write_prompt
from webshop_server.extras import MissingExtraError

INSTALL_SENTENCE = "the chat agent needs the openai package: pip install 'hiper-suite[chat]'"
TOKENS_PER_PRICE = 1_000_000


class ChatAgent:
    """Plays by asking a chat model for each reply.

    Failed requests (connection, 408, 409, 429, 5xx) are tried again with growing pauses by the client library; what
    still fails is raised, and so becomes a recorded episode.

    Args:
        model: The endpoint's name of the model.
        base_url: The endpoint; None for the client library's own default and environment variables.
        api_key: The key; None to take it from the environment. Local servers take any.
        prompt: How prompts are written; its style decides between HiPER, plan-execute and ReAct.
        max_retries: Further tries for a request that failed.
        timeout: Seconds to wait for one reply.
        max_reply_tokens: Longest reply.
        temperature: Sampling temperature; the episode's seed goes with each request.
        prompt_price: Price of a million tokens read, in any currency.
        reply_price: Price of a million tokens written.

    Attributes:
        usage: Tokens of the last reply.
        num_requests: Replies asked for so far.
        prompt_tokens: Tokens read so far.
        reply_tokens: Tokens written so far.

    Raises:
        MissingExtraError: The client library is not installed.
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
        max_reply_tokens: int = 512,
        temperature: float = 0.0,
        prompt_price: float = 0.0,
        reply_price: float = 0.0,
    ) -> None:
        try:
            import openai
        except ModuleNotFoundError as error:
            raise MissingExtraError(INSTALL_SENTENCE) from error
        self.model = model
        self.prompt = prompt or PromptConfig()
        self.max_reply_tokens = max_reply_tokens
        self.temperature = temperature
        self.prompt_price, self.reply_price = prompt_price, reply_price
        self.num_requests = self.prompt_tokens = self.reply_tokens = 0
        self.usage: Usage | None = None
        self._client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=max_retries, timeout=timeout)

    @property
    def cost(self) -> float:
        """What all replies so far cost, in the currency of the prices."""
        paid = self.prompt_tokens * self.prompt_price + self.reply_tokens * self.reply_price
        return paid / TOKENS_PER_PRICE

    def reset(self, seed: int) -> None:
        """Forget the last episode."""
        self.seed = seed
        self.history: list[PastTurn] = []
        self.usage = None

    def act(self, observation: str, info: Mapping[str, Any]) -> str:
        """Ask the model for the reply to an observation.

        Raises:
            openai.OpenAIError: The endpoint did not answer, after all tries.
        """
        prompt = write_prompt(observation, info, self.history, self.prompt)
        messages: Any = prompt.messages
        completion = self._client.chat.completions.create(
            model=self.model,
            messages=messages,
            max_tokens=self.max_reply_tokens,
            temperature=self.temperature,
            seed=self.seed,
        )
        reply = completion.choices[0].message.content or ""
        self._count(completion.usage)
        self.history.append(PastTurn(observation, reply))
        return reply

    def _count(self, usage: Any) -> None:
        self.num_requests += 1
        self.usage = Usage(usage.prompt_tokens, usage.completion_tokens) if usage else None
        if self.usage:
            self.prompt_tokens += self.usage.prompt_tokens
            self.reply_tokens += self.usage.reply_tokens
