"""Language policies: made new, begun from a model, saved to a folder and opened again."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from hiper_agents.policies.language.config import SMALL, LanguageConfig, make_language_config
from hiper_agents.policies.language.corpus import collect_texts
from hiper_agents.policies.language.engine import Engine
from hiper_agents.policies.language.model import ModelError
from hiper_agents.policies.language.network import FACTS, LanguageNetwork, load_network, save_network
from hiper_agents.policies.language.policy import LanguagePolicy
from hiper_agents.policies.language.server import open_server
from hiper_agents.policies.language.server_engine import ServerEngine
from hiper_agents.policies.language.small import make_small_network
from hiper_agents.policies.language.tokens import build_tokenizer
from webshop_server.allowed_types import check_flag

KEY_VARIABLE = "HIPER_SERVER_KEY"
"""Environment variable with the key that a server wants to be shown."""
POLICY = "policy"
HAS_SUBGOALS = "has_subgoals"
NUM_TEXTS, TEXTS_SEED = 1500, 0
"""What a small model's tokenizer is made from: so many episodes, always the same ones."""
KEPT = ("layout", "decoding", "max_reply_tokens")
"""Settings that a saved model is played with; where it lies and on what it runs is up to who opens it."""


def make_language_policy(has_subgoals: bool, **options: Any) -> LanguagePolicy:
    """Return a policy as its settings say.

    Args:
        has_subgoals: False for a flat one.
        **options: Fields of `LanguageConfig`.

    Raises:
        ValueError: A setting is wrong.
        ModelError: The model cannot be had.
        ServerError: There is a server to draw from, and it cannot be asked.
    """
    config = make_language_config(options)
    if config.model == SMALL:
        tokenizer = build_tokenizer(collect_texts(config.world, NUM_TEXTS, TEXTS_SEED))
        seed = int(torch.randint(2**31, ()))
        network = make_small_network(tokenizer, seed, has_marks=config.has_marks)
        network = network.to(config.device)
        return LanguagePolicy(network, tokenizer, config, has_subgoals, _open_engine(config, network, tokenizer))
    saved = load_network(config.model, dtype=config.dtype, device=config.device)
    engine = _open_engine(config, saved.network, saved.tokenizer)
    return LanguagePolicy(saved.network, saved.tokenizer, config, has_subgoals, engine)


def _open_engine(config: LanguageConfig, network: LanguageNetwork, tokenizer: Any) -> Engine | None:
    """Return the engine that draws elsewhere; None for one on this machine."""
    if not config.server:
        return None
    server = open_server(config.server_kind, config.server, key=os.environ.get(KEY_VARIABLE))
    return ServerEngine(network, tokenizer, server, config.decoding, config.server_folder or None)


def save_policy(policy: LanguagePolicy, folder: Path, facts: dict[str, Any], dtype: str | None = None) -> None:
    """Save a policy as a folder that transformers opens too.

    Args:
        policy: The policy.
        folder: Where to.
        facts: What else is to be known of it, such as its card.
        dtype: Numbers that the weights are written in; None as they are.

    Raises:
        OSError: It cannot be written.
    """
    settings = asdict(policy.config)
    kept = {name: settings[name] for name in KEPT} | {HAS_SUBGOALS: policy.has_subgoals}
    save_network(folder, policy.network, policy.tokenizer, {**facts, POLICY: kept}, dtype)


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
    if not isinstance(kept, dict) or not set(kept) >= {*KEPT, HAS_SUBGOALS}:
        raise ModelError(f"{str(folder)!r} holds a model, but no trained policy: play it with a prompt instead")
    config = replace(config, **{name: kept[name] for name in KEPT if name not in changes})
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
