"""What an agent is, and how one is found by the name of what makes it: "module:attribute" or "path.py:attribute"."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from hiper_envs.plain_text import describe_error
from webshop_server.allowed_names import nearest_name
from webshop_server.extras import MissingExtraError, find_extra


class Agent(Protocol):
    """What plays: anything with these two methods.

    It may also say of itself, in attributes (see `hiper_envs.episodes.agent_facts`): `usage`, what the last reply took,
    `ignores_case`, whether its actions are played without regard to case, and `card`, what it is.
    """

    def reset(self, seed: int) -> None:
        """Forget the last episode; draw whatever is random from `seed`."""

    def act(self, observation: str, info: Mapping[str, object]) -> str:
        """Return the whole reply to an observation."""


AgentFactory = Callable[[], Agent]


class AgentError(ValueError):
    """An agent that cannot be loaded or made, in one sentence."""


def load_factory(name: str) -> AgentFactory:
    """Load the class or function that makes an agent.

    Args:
        name: "module:attribute" or "path.py:attribute"; the attribute may have dots. Modules are also looked for in the
            working folder, after all others; a file's own folder comes first.

    Raises:
        AgentError: The name is ill-formed, the module, file or attribute is missing, importing it fails, or it cannot
            be called.
    """
    source, attribute = split_name(name)
    module = _load_file(Path(source)) if source.endswith(".py") else _import(source)
    factory: Any = module
    for part in attribute.split("."):
        factory = _get_part(factory, part, source)
    if not callable(factory):
        raise AgentError(
            f"the agent {name!r} is of type {type(factory).__name__}; it must be a class, or a function that returns an"
            " agent"
        )
    made: AgentFactory = factory
    return made


def split_name(name: str) -> tuple[str, str]:
    """Split "module:attribute" or "path.py:attribute" into its two parts.

    Raises:
        AgentError: A part is missing.
    """
    source, _, attribute = name.rpartition(":")
    if not (source and attribute):
        raise AgentError(
            f"cannot read the agent {name!r}: write module:attribute or path.py:attribute, such as"
            " hiper_agents:expert or my_agent.py:MyAgent"
        )
    return source, attribute


def missing_module(missing: str, module: str) -> AgentError:
    """Return the error for a module that is not there, or that imports one which is not."""
    if module == missing or module.startswith(f"{missing}."):
        return AgentError(
            f"there is no module {missing!r}: install it, run from the folder that holds it, or give a path with .py,"
            f" such as {module.replace('.', '/')}.py:MyAgent"
        )
    extra = find_extra(missing)
    hint = f": run pip install 'hiper-suite[{extra}]'" if extra else ""
    return AgentError(f"the module {module!r} imports {missing!r}, which is not installed{hint}")


def import_failure(source: str, error: BaseException) -> AgentError:
    """Return the error for a module that fails, or leaves the program, when it is imported."""
    return AgentError(f"importing {source!r} failed: {tell_failure(error)}")


def tell_failure(error: BaseException) -> str:
    """Return an exception of somebody else's code as text."""
    if isinstance(error, SystemExit):
        return f"SystemExit: it calls sys.exit({'' if error.code is None else repr(error.code)})"
    return describe_error(error)


def make_agent(name: str, factory: AgentFactory) -> Agent:
    """Return an agent.

    Args:
        name: What the user calls it.
        factory: Makes it.

    Raises:
        AgentError: It cannot be made, tries to leave the program, or is no agent.
        MissingExtraError: It needs what is not installed.
    """
    try:
        agent = factory()
    except (KeyboardInterrupt, MissingExtraError, AgentError):
        raise
    except BaseException as error:
        raise AgentError(f"making the agent {name!r} failed: {tell_failure(error)}") from error
    missing = [method for method in ("reset", "act") if not callable(getattr(agent, method, None))]
    if missing:
        raise AgentError(
            f"the agent {name!r} is of type {type(agent).__name__}, which has no method {' and no '.join(missing)}: an"
            " agent has reset(seed) and act(observation, info)"
        )
    return agent


def check_file(path: Path) -> None:
    """Make sure that an agent's file is there.

    Raises:
        AgentError: It is not; the message has the nearest name in its folder.
    """
    if not path.is_file():
        names = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = nearest_name(path.name, names)
        hint = f"; did you mean {str(path.with_name(near))!r}?" if near else ""
        raise AgentError(f"there is no file {str(path)!r}{hint}")


def _import(source: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return import_module(source)
    except ModuleNotFoundError as error:
        raise missing_module(error.name or source, source) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise import_failure(source, error) from error


def _load_file(path: Path) -> ModuleType:
    check_file(path)
    name = f"agent_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AgentError(f"cannot load {str(path)!r} as a Python file")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses and pickles look a module up by its name
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise import_failure(str(path), error) from error
    return module


def _get_part(owner: Any, part: str, source: str) -> Any:
    try:
        return getattr(owner, part)
    except AttributeError:
        near = nearest_name(part, [name for name in dir(owner) if not name.startswith("_")])
        hint = f"; did you mean {near!r}?" if near else ""
        raise AgentError(f"{source!r} has no {part!r}{hint}") from None
