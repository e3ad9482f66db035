"""Agents of language models by a name: a folder, a model of the hub, or an OpenAI-compatible endpoint's address."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from hiper_agents.policies.language.config import DECODINGS, LAYOUTS, SMOLLM2, LanguageConfig
from hiper_agents.policies.language.server_connection import Connection, ServerError, list_served
from hiper_envs.episodes.agents import Agent
from hiper_envs.prompts import STYLES, PromptConfig
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_number
from webshop_server.extras import naming_extra

TEMPERATURE = 0.4
KEY_VARIABLE = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent to an endpoint where the environment holds no key: local servers take any."""
TIMEOUT_SECONDS = 10.0
MAX_REPLY_TOKENS = 256


@dataclass(frozen=True)
class ModelOptions:
    """Which model, and how it is asked; what is None is left to what the model is.

    Attributes:
        model: A folder, a model's name on the hub, or the address of an endpoint (http://localhost:8000/v1).
        style: Of the prompts, "hiper", "react" or "plan-execute"; not for a trained policy, which knows its own.
        temperature: Divides the scores before each draw; 0 takes the likeliest token.
        decoding: "free", "format" or "admissible"; the latter two on this machine and, of prompts, with "hiper" alone.
        layout: "chat" or "compact", on this machine; a trained policy has its own.
        served_model: The endpoint's name of the model; None if it serves one alone.
        dtype: Numbers that weights on this machine are held in.
        device: Where weights on this machine go.
    """

    model: str
    style: str | None = None
    temperature: float | None = None
    decoding: str | None = None
    layout: str | None = None
    served_model: str | None = None
    dtype: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("style", STYLES), ("decoding", DECODINGS), ("layout", LAYOUTS)):
            if getattr(self, name) is not None:
                check_choice(getattr(self, name), allowed, name)
        if self.temperature is not None:
            check_number(self.temperature, "temperature", 0, 100)

    @property
    def given(self) -> dict[str, Any]:
        """What is not left open, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def is_endpoint(self) -> bool:
        """Whether the model is an address."""
        return "://" in self.model

    @property
    def is_free(self) -> bool:
        """Whether replies are asked for in chat messages and drawn as they come."""
        return self.decoding in (None, "free") and self.layout in (None, "chat")


def make_model_agent(model: str, **options: Any) -> Agent:
    """Return the agent of a language model, see `ModelOptions`.

    Args:
        model: A folder, a model's name on the hub, or an endpoint's address.
        **options: The other fields of `ModelOptions`.

    Raises:
        ModelError: The model cannot be had.
        ValueError: An option is wrong, or is none for such a model.
        MissingExtraError: An extra is not installed.
    """
    for name in options:
        check_choice(name, ModelOptions.__dataclass_fields__, "option")
    return open_model(ModelOptions(model, **options))


def open_model(options: ModelOptions) -> Agent:
    """Return the agent that is meant, see `make_model_agent`."""
    check_together(options)
    if options.is_endpoint:
        return _open_endpoint(options)
    if is_trained(options.model):
        return _open_local(options, {})
    return _open_local(options, {"prompt": _write_prompt(options)}) if options.is_free else _open_constrained(options)


def check_together(options: ModelOptions) -> None:
    """Make sure that options go together, as far as that can be seen without loading anything.

    Raises:
        ValueError: They do not.
        ModelError: What lies in the folder cannot be read.
    """
    refused: tuple[str, ...]
    if options.is_endpoint:
        check_address(options.model)
        if not options.is_free:
            raise ValueError(
                "an endpoint is asked in chat messages and answers freely: other decodings and layouts need the model"
                " on this machine"
            )
        why, refused = "an endpoint's model is not on this machine", ("dtype", "device")
    elif is_trained(options.model):
        why, refused = "a trained policy reads and writes as it was trained", ("style", "layout", "served_model")
    else:
        why, refused = "a model on this machine has no other name", ("served_model",)
        if not options.is_free and options.style not in (None, "hiper"):
            raise ValueError(
                f"the style {options.style!r} is asked for in chat messages and answered freely: leave decoding and"
                " layout out, or take style 'hiper'"
            )
    for name in refused:
        if name in options.given:
            raise ValueError(f"{why}: leave {name.replace('_', '-')} out for {options.model!r}")


def is_trained(model: str) -> bool:
    """Return whether a name is a folder with a trained policy.

    Raises:
        ModelError: There is no such folder, or what lies in it cannot be read.
    """
    if "://" in model:
        return False
    with naming_extra():
        from hiper_agents.policies.language.make import holds_policy
        from hiper_agents.policies.language.model import check_folder

    if model != SMOLLM2:
        check_folder(model)
    return holds_policy(model)


def name_model(model: str) -> str:
    """Return what a trained policy is called, by its folder."""
    with naming_extra():
        from hiper_agents.agents.language_policy import name_folder

    return name_folder(model)


def find_served_model(base_url: str, timeout: float = TIMEOUT_SECONDS) -> str:
    """Return the name of the one model that an endpoint serves.

    Raises:
        ServerError: The endpoint does not say what it serves.
        ValueError: It serves several, or none.
    """
    hint = "name the model with --served-model"
    key = os.environ.get(KEY_VARIABLE) or NO_KEY
    try:
        names = list_served(Connection(base_url, key, timeout, max_retries=0), "/models")
    except ServerError as error:
        raise ServerError(f"{error}; {hint}", error.status) from error
    if len(names) != 1:
        raise ValueError(f"{base_url} serves {', '.join(names) or 'no model'}: {hint}")
    return names[0]


def _open_endpoint(options: ModelOptions) -> Agent:
    from hiper_agents.agents.chat import ChatAgent

    return ChatAgent(
        options.served_model or find_served_model(options.model),
        options.model,
        os.environ.get(KEY_VARIABLE) or NO_KEY,
        prompt=_write_prompt(options),
        temperature=_choose_temperature(options),
    )


def _open_local(options: ModelOptions, further: Mapping[str, Any]) -> Agent:
    with naming_extra():
        from hiper_agents.agents.local_models import make_local_agent

    given = {name: value for name, value in options.given.items() if name in ("dtype", "device")}
    if "prompt" not in further and options.decoding is not None:
        given["decoding"] = options.decoding
    return make_local_agent(options.model, temperature=_choose_temperature(options), **given, **further)


def _open_constrained(options: ModelOptions) -> Agent:
    with naming_extra():
        from hiper_agents.agents.language_policy import LanguagePolicyAgent, set_threads
        from hiper_agents.policies.language.network import load_network
        from hiper_agents.policies.language.policy import LanguagePolicy

    set_threads(1)
    saved = load_network(options.model, dtype=options.dtype or "float32", device=options.device or "cpu")
    layout, decoding = options.layout or "chat", options.decoding or "free"
    config = LanguageConfig(layout=layout, decoding=decoding, max_reply_tokens=MAX_REPLY_TOKENS)
    policy = LanguagePolicy(saved.network, saved.tokenizer, config)
    name = Path(options.model).expanduser().resolve().name
    return LanguagePolicyAgent(policy, name, temperature=_choose_temperature(options))


def _choose_temperature(options: ModelOptions) -> float:
    return TEMPERATURE if options.temperature is None else options.temperature


def _write_prompt(options: ModelOptions) -> PromptConfig:
    return PromptConfig(style=cast(Any, options.style or "hiper"))


def check_address(address: str) -> None:
    """Make sure that an endpoint's address holds no key, which would be written down.

    Raises:
        ValueError: It does, or is no address of the web.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{parts.scheme}://{parts.hostname or ''} is no endpoint: write http://... or https://...")
    if "@" in parts.netloc or parts.query:
        raise ValueError(f"leave the key out of the endpoint's address: put it into ${KEY_VARIABLE}")
