"""Submissions: somebody else's agent, by the name of what makes it, with what it makes checked."""

import hashlib
import importlib.util
from pathlib import Path

from hiper_envs.episodes.agents import (
    Agent,
    AgentError,
    AgentFactory,
    check_file,
    import_failure,
    load_factory,
    missing_module,
    split_name,
)
from hiper_envs.plain_text import describe_error
from webshop_server.extras import MissingExtraError

AGENT_METHODS = {"reset": "reset(seed) -> None", "act": "act(observation, info) -> str"}


def load_agent(name: str) -> AgentFactory:
    """Load what makes a submission's agent; what it makes is checked when it is made.

    Args:
        name: "module:attribute" or "path.py:attribute"; the attribute is a class, or a function that returns an
            agent, and needs no arguments.

    Raises:
        AgentError: It cannot be loaded, see `load_factory`.
    """
    return _CheckedFactory(name, load_factory(name))


class _CheckedFactory:
    """Calls the submission's factory and checks what it returns."""

    def __init__(self, name: str, factory: AgentFactory) -> None:
        self.name = name
        self.factory = factory

    def __call__(self) -> Agent:
        try:
            agent = self.factory()
        except MissingExtraError as error:
            raise AgentError(f"the agent {self.name!r} cannot be made: {error}") from error
        except Exception as error:
            raise AgentError(
                f"the agent {self.name!r} could not be made without arguments: {describe_error(error)}"
            ) from error
        for method in AGENT_METHODS:
            if not callable(getattr(agent, method, None)):
                raise AgentError(
                    f"the agent {self.name!r} made a {type(agent).__name__} without the method {method}: an agent has"
                    f" {' and '.join(AGENT_METHODS.values())}"
                )
        return agent


def agent_digest(name: str) -> str:
    """Return the SHA-256 of the file that a submission names, "" for a module that is no file.

    It notices that this file was edited between two parts of a run, not that one which it imports was.

    Raises:
        AgentError: There is no such file or module.
    """
    source, _ = split_name(name)
    origin: str | None = source
    if source.endswith(".py"):
        check_file(Path(source))
    else:
        try:
            spec = importlib.util.find_spec(source)
        except ModuleNotFoundError as error:
            raise missing_module(error.name or source, source) from error
        except ValueError:
            return ""
        except Exception as error:
            raise import_failure(source, error) from error
        if spec is None:
            raise missing_module(source, source)
        origin = spec.origin
    path = Path(origin or "")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
