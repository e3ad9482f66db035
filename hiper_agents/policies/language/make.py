"""Language policies: made new, begun from a model, saved to a folder and opened again."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hiper_agents.policies.language.adapters import add_adapters
from hiper_agents.policies.language.config import (
    HAS_SUBGOALS,
    KEPT,
    KEPT_AT_FIRST,
    LEARNED_DTYPES,
    POLICY,
    SMALL,
    LanguageConfig,
    make_language_config,
)
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.engine import Engine
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import FACTS, LanguageNetwork, load_network
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.language.server import open_server
from hiper_agents.policies.language.server_engine import ServerEngine
from hiper_agents.policies.language.small import make_small_network
from hiper_agents.policies.language.tokens import build_tokenizer
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag

KEY_VARIABLE = "HIPER_SERVER_KEY"
"""Environment variable with the key that a server wants to be shown."""
NUM_TEXTS, TEXTS_SEED = 1500, 0
"""What a small model's tokenizer is made from: so many episodes, always the same ones."""


def make_language_policy(has_subgoals: bool, **options: Any) -> LanguagePolicy:
    """Return a policy to be trained, as its settings say.

    Args:
        has_subgoals: False for a flat one.
        **options: Fields of `LanguageConfig`.

    Raises:
        ValueError: A setting is wrong.
        ModelError: The model cannot be had.
        MissingExtraError: A library that it needs is not installed.
        ServerError: There is a server to draw from, and it cannot be asked.
    """
    config = make_language_config(options)
    check_choice(config.dtype, LEARNED_DTYPES, "dtype to train with")
    network, tokenizer = _make_small(config) if config.model == SMALL else _load(config)
    if config.lora_rank:
        add_adapters(network.model, config.lora_rank)
    if config.checkpoints_activations:
        network.checkpoint_activations()
    return LanguagePolicy(network, tokenizer, config, has_subgoals, _open_engine(config, network, tokenizer))


def _open_engine(config: LanguageConfig, network: LanguageNetwork, tokenizer: Any) -> Engine | None:
    """Return the engine that draws elsewhere; None for one on this machine."""
    if not config.server:
        return None
    server = open_server(config.server_kind, config.server, key=os.environ.get(KEY_VARIABLE))
    return ServerEngine(network, tokenizer, server, config.decoding, config.server_folder or None)


def _make_small(config: LanguageConfig) -> tuple[LanguageNetwork, Any]:
    tokenizer = build_tokenizer(collect_texts(config.world, NUM_TEXTS, TEXTS_SEED))
    seed = int(torch.randint(2**31, ()))
    network = make_small_network(tokenizer, seed, has_marks=config.has_marks, **config.sizes)
    for part in (network.model, network.marks):
        if part is not None:
            part.to(getattr(torch, config.dtype))
    return network.to(config.device), tokenizer


def _load(config: LanguageConfig) -> tuple[LanguageNetwork, Any]:
    saved = load_network(config.model, dtype=config.dtype, device=config.device, gguf_file=config.gguf_file or None)
    return saved.network, saved.tokenizer


def save_policy(
    policy: LanguagePolicy,
    folder: Path,
    facts: dict[str, Any],
    dtype: str | None = None,
) -> None:
    """Save a policy as a folder that transformers opens too.

    Args:
        policy: The policy.
        folder: Where to.
        facts: What else is to be known of it, such as its card.
        dtype: Numbers that the weights are written in; None as they are.

    Raises:
        OSError: It cannot be written.
    """
    policy.save(folder, facts, dtype=dtype)


def open_policy(folder: str | Path, **changes: Any) -> tuple[LanguagePolicy, dict[str, Any]]:
    """Open a folder that `save_policy` wrote.

    Args:
        folder: The folder.
        **changes: Settings that replace those it was saved with: decoding, dtype, device, ...

    Returns:
        The policy, and what was saved along.

    Raises:
        ModelError: The folder holds no policy.
        ValueError: A setting is wrong.
    """
    config = make_language_config({"model": str(folder), **changes})
    saved = load_network(folder, dtype=config.dtype, device=config.device)
    kept = saved.facts.get(POLICY)
    if not isinstance(kept, dict) or not set(kept) >= {*KEPT_AT_FIRST, HAS_SUBGOALS}:
        raise ModelError(f"{str(folder)!r} holds a model, but no trained policy: play it with a prompt instead")
    config = replace(config, **{name: kept[name] for name in KEPT if name in kept and name not in changes})
    has_subgoals = check_flag(kept[HAS_SUBGOALS], HAS_SUBGOALS)
    engine = _open_engine(config, saved.network, saved.tokenizer)
    return LanguagePolicy(saved.network, saved.tokenizer, config, has_subgoals, engine), saved.facts


def holds_policy(folder: str | Path) -> bool:
    """Return whether a folder is one that `save_policy` wrote, without loading it.

    Raises:
        ModelError: What lies there cannot be read.
    """
    path = Path(folder).expanduser() / FACTS
    try:
        facts = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise ModelError(f"what was saved beside {str(folder)!r} cannot be read: {error}") from error
    return isinstance(facts, dict) and POLICY in facts
