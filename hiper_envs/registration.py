"""The environments' ids, as data; registering them loads nothing heavy. And which ids may be made unseen."""

import sys
from typing import Any, NamedTuple

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec as GymnasiumSpec

from webshop_server.allowed_names import nearest_name

ALFWORLD_MAX_TURNS = 50
WEBSHOP_MAX_TURNS = 15


class EnvSpec(NamedTuple):
    """One registered id."""

    id: str
    entry_point: str
    vector_entry_point: str
    max_episode_steps: int | None
    """None where what the entry point returns has a limit already, which hangs on the options."""


ENV_SPECS = (
    EnvSpec(
        "hiper/ALFWorld-v0",
        "hiper_envs.alfworld.env:ALFWorldEnv",
        "hiper_envs.vector:make_alfworld_vector",
        ALFWORLD_MAX_TURNS,
    ),
    EnvSpec(
        "hiper/ALFWorldLong-v0",
        "hiper_envs.alfworld.long.make:make_long",
        "hiper_envs.vector:make_alfworld_long_vector",
        None,
    ),
    EnvSpec(
        "hiper/WebShop-v0",
        "hiper_envs.webshop.env:WebShopEnv",
        "hiper_envs.vector:make_webshop_vector",
        WEBSHOP_MAX_TURNS,
    ),
    EnvSpec(
        "hiper/WebShopBasket-v0",
        "hiper_envs.webshop.basket_env:make_basket_env",
        "hiper_envs.vector:make_webshop_basket_vector",
        None,
    ),
)


def register_envs() -> None:
    """Register every id with Gymnasium; once is enough and twice does no harm."""
    for spec in ENV_SPECS:
        if spec.id not in gym.registry:
            options: dict[str, Any] = spec._asdict()
            # The environments tell wrong types themselves; Gymnasium's checker fails after a reset that was refused.
            gym.register(**options, disable_env_checker=True)


def find_known_id(env_id: str) -> str:
    """Return the id under which Gymnasium makes an environment without importing anything that nobody asked for.

    Records, panels and runs name their environment, and may come from anywhere. `gym.make("module:Env-v0")` imports the
    module, so that such a name would run code.

    Args:
        env_id: "hiper/ALFWorld-v0", or another one that an imported module has registered; "module:Env-v0" too, if the
            module has been imported already.

    Raises:
        ValueError: It is none of these.
    """
    module, _, name = env_id.rpartition(":")
    spec = gym.registry.get(name)
    if module and module not in sys.modules:
        raise ValueError(
            f"the environment {env_id!r} would import the module {module!r}: if you trust it, import it first"
        )
    if spec is None or _is_of_gymnasium(spec):
        known = [other for other, spec in gym.registry.items() if not _is_of_gymnasium(spec)]
        near = nearest_name(name, known)
        hint = f"; did you mean {near!r}?" if near else f"; known are {', '.join(known)}"
        raise ValueError(f"there is no environment {env_id!r} of this suite or of an imported module{hint}")
    return name


def _is_of_gymnasium(spec: GymnasiumSpec) -> bool:
    """Return whether Gymnasium itself brings an environment: none of them is played in words, some import others."""
    maker = spec.entry_point
    module = maker.partition(":")[0] if isinstance(maker, str) else getattr(maker, "__module__", "")
    return module.split(".")[0] == "gymnasium"
