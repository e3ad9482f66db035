"""Agents by the name of what makes them."""

from collections.abc import Callable
from importlib import import_module

from hiper_envs.episode import Agent


def find_factory(name: str) -> Callable[[], Agent]:
    """Return the agent factory named "module:attribute".

    Raises:
        ValueError: The name has another form, or there is no such module or attribute.
    """
    module, colon, attribute = name.partition(":")
    if not colon:
        raise ValueError(f"agent {name!r} is not of the form module:attribute, like hiper_agents:expert")
    try:
        factory: Callable[[], Agent] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"agent {name!r} cannot be found: {error}") from error
    return factory
