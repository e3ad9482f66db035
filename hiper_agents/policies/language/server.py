"""Servers of language models, vLLM's and SGLang's: tokens in, tokens and log-probabilities out, weights from a folder.

Both are asked by plain HTTP. What is sent: the prompt's tokens, the longest reply, a temperature, a seed, and every
other sampling option at the value that changes nothing, since servers take defaults from the model's own files. What
they are to answer: the reply's tokens, the log-probability of each as the model has it at temperature 1, and why the
reply ended.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from hiper_agents.policies.language.decoding import CLOSE_ACTION
from hiper_agents.policies.language.server_connection import Connection, ServerError, find_in, list_served, shorten
from webshop_server.allowed_names import check_choice

RELOAD_SECONDS = 1200.0
NOT_THERE = frozenset((404, 405))


class Answered(NamedTuple):
    """The tokens of an answer; n of them.

    Attributes:
        ids: Their ids, the one that ended the text among them where the server tells it.
        log_probabilities: Natural logarithms of their probabilities at temperature 1; NaN where they are not known.
        finish_reason: "stop" or "length".
    """

    ids: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    finish_reason: str


class Server(Protocol):
    """What draws tokens elsewhere."""

    address: str

    def draw(self, ids: Sequence[int], *, max_tokens: int, temperature: float, seed: int) -> Answered:
        """Draw tokens behind a prompt, until one closes an action or ends the text.

        Args:
            ids: The prompt.
            max_tokens: The most.
            temperature: Divides the scores before each draw; 0 takes the likeliest token.
            seed: Where chance comes from.

        Raises:
            ServerError: There is no usable answer.
        """

    def reload(self, folder: Path) -> None:
        """Take the weights of a folder that transformers saved, and forget what was computed with the ones before.

        Raises:
            ServerError: The server has no such means, or they failed.
        """


def open_server(kind: str, address: str, **options: Any) -> Server:
    """Return a server.

    Args:
        kind: "vllm" or "sglang".
        address: Where it listens, such as http://localhost:8000; a path /v1 at its end is left out.
        **options: As `Connection` takes them; of vLLM also `model`, the name that it serves.

    Raises:
        ValueError: There is no such kind of server, or the address is none.
        ServerError: The server does not say which model it serves.
    """
    kinds: Mapping[str, Callable[..., Server]] = {"vllm": VLLMServer, "sglang": SGLangServer}
    return kinds[check_choice(kind, kinds, "kind of server")](address, **options)


class VLLMServer:
    """The server of vLLM, from 0.10.2 on, and whatever answers as it does.

    The log-probabilities are those of temperature 1 with its default `--logprobs-mode raw_logprobs`. Weights are taken
    from a folder by `/collective_rpc`, which it has when started with VLLM_SERVER_DEV_MODE=1.

    Args:
        address: Where it listens.
        model: The name that it serves; None if it serves one alone.
        **options: As `Connection` takes them.

    Raises:
        ServerError: It does not say which model it serves, or serves several.
    """

    def __init__(self, address: str, model: str | None = None, **options: Any) -> None:
        self.connection = Connection(address.rstrip("/").removesuffix("/v1"), **options)
        self.address = self.connection.address
        served = [model] if model else list_served(self.connection)
        if len(served) != 1:
            raise ServerError(f"{self.address} serves {', '.join(served) or 'no model'}: name the one to draw from")
        self.model = served[0]

    def draw(self, ids: Sequence[int], *, max_tokens: int, temperature: float, seed: int) -> Answered:
        """Draw tokens, see `Server`.

        Args:
            ids: As `Server` says.
            max_tokens: As `Server` says.
            temperature: As `Server` says.
            seed: As `Server` says.

        Raises:
            ServerError: There is no usable answer.
        """
        answer = self.connection.ask(
            "/v1/completions",
            {
                "model": self.model,
                "prompt": list(ids),
                "max_tokens": max_tokens,
                "temperature": temperature,
                "seed": seed,
                "logprobs": 1,
                "return_token_ids": True,
                "stop": [CLOSE_ACTION],
                "include_stop_str_in_output": True,
                "skip_special_tokens": False,
                **{"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
            },
        )
        choice = find_in(answer, "choices", 0)
        if not isinstance(choice, dict):
            raise ServerError(f"{self.address} answered without a completion: {shorten(json.dumps(answer))}")
        drawn = choice.get("token_ids")
        if drawn is None:
            raise ServerError(
                f"{self.address} told no token ids: it has to know return_token_ids, as vLLM does from 0.10.2 on"
            )
        logs = find_in(choice, "logprobs", "token_logprobs")
        return _check_answer(self.address, drawn, logs, choice.get("finish_reason"))

    def reload(self, folder: Path) -> None:
        """Take the weights of a folder, see `Server.reload`."""
        path = str(folder.resolve())
        body = {"method": "reload_weights", "kwargs": {"weights_path": path}}
        try:
            self.connection.ask("/collective_rpc", body, RELOAD_SECONDS)
            self.connection.ask("/reset_prefix_cache", {})
        except ServerError as error:
            if error.status not in NOT_THERE:
                raise
            raise ServerError(
                f"{self.address} has no means to take new weights: start vLLM with VLLM_SERVER_DEV_MODE=1"
            ) from None


class SGLangServer:
    """The server of SGLang.

    Its log-probabilities are those of the temperature that is drawn at, so at any but 1 they are not known. A seed is
    heeded if it was started with `--enable-deterministic-inference`.

    Args:
        address: Where it listens.
        **options: As `Connection` takes them.
    """

    def __init__(self, address: str, **options: Any) -> None:
        self.connection = Connection(address.rstrip("/").removesuffix("/v1"), **options)
        self.address = self.connection.address

    def draw(self, ids: Sequence[int], *, max_tokens: int, temperature: float, seed: int) -> Answered:
        """Draw tokens, see `Server`.

        Args:
            ids: As `Server` says.
            max_tokens: As `Server` says.
            temperature: As `Server` says.
            seed: As `Server` says.

        Raises:
            ServerError: There is no usable answer.
        """
        sampling = {
            "max_new_tokens": max_tokens,
            "temperature": temperature,
            "sampling_seed": seed,
            "stop": [CLOSE_ACTION],
            "no_stop_trim": True,
            "skip_special_tokens": False,
            **{"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0},
        }
        body = {"input_ids": list(ids), "sampling_params": sampling, "return_logprob": True}
        answer = self.connection.ask("/generate", body)
        rows = find_in(answer, "meta_info", "output_token_logprobs")
        if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) >= 2 for row in rows):
            raise ServerError(f"{self.address} told no token ids and log-probabilities: {shorten(json.dumps(answer))}")
        reason = find_in(answer, "meta_info", "finish_reason", "type")
        answered = _check_answer(self.address, [row[1] for row in rows], [row[0] for row in rows], reason)
        return answered if temperature == 1 else answered._replace(log_probabilities=(math.nan,) * len(rows))

    def reload(self, folder: Path) -> None:
        """Take the weights of a folder, see `Server.reload`."""
        body = {"model_path": str(folder.resolve()), "flush_cache": True}
        try:
            answer = self.connection.ask("/update_weights_from_disk", body, RELOAD_SECONDS)
        except ServerError as error:
            if error.status not in NOT_THERE:
                raise
            raise ServerError(f"{self.address} has no means to take new weights: is it a server of SGLang?") from None
        if find_in(answer, "success") is not True:
            raise ServerError(f"{self.address} did not take the new weights: {shorten(json.dumps(answer))}")


def _check_answer(address: str, ids: Any, logs: Any, reason: Any) -> Answered:
    if not isinstance(ids, list) or any(isinstance(each, bool) or not isinstance(each, int) for each in ids):
        raise ServerError(f"{address} told token ids that are none: {shorten(json.dumps(ids))}")
    if not isinstance(logs, list) or len(logs) != len(ids) or not all(map(_is_log, logs)):
        raise ServerError(
            f"{address} told no log-probability for each of its {len(ids)} tokens: {shorten(json.dumps(logs))}"
        )
    if reason not in ("stop", "length"):
        raise ServerError(f"{address} broke off its reply for the reason {shorten(json.dumps(reason))}")
    return Answered(tuple(ids), tuple(map(float, logs)), reason)


def _is_log(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
