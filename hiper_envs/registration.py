"""The environments' ids, as data; registering them loads nothing heavy."""

from typing import Any, NamedTuple

import gymnasium as gym

ALFWORLD_MAX_TURNS = 50
WEBSHOP_MAX_TURNS = 15


class EnvSpec(NamedTuple):
    """One registered id."""

    id: str
    entry_point: str
    vector_entry_point: str
    max_episode_steps: int


ENV_SPECS = (
    EnvSpec(
        "hiper/ALFWorld-v0",
        "hiper_envs.alfworld.env:ALFWorldEnv",
        "hiper_envs.vector:make_alfworld_vector",
        ALFWORLD_MAX_TURNS,
    ),
    EnvSpec(
        "hiper/WebShop-v0",
        "hiper_envs.webshop.env:WebShopEnv",
        "hiper_envs.vector:make_webshop_vector",
        WEBSHOP_MAX_TURNS,
    ),
)


def register_envs() -> None:
    """Register every id with Gymnasium; once is enough and twice does no harm."""
    for spec in ENV_SPECS:
        if spec.id not in gym.registry:
            options: dict[str, Any] = spec._asdict()
            gym.register(**options)
