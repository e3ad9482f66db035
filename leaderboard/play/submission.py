"""Submissions: an agent named as "module:attribute" or "path.py:attribute"."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hiper_envs import Agent
from webshop_server.allowed_names import nearest_name

AgentFactory = Callable[[], Agent]
AGENT_METHODS = {"reset": "reset(seed) -> None", "act": "act(observation, info) -> str"}


class SubmissionError(ValueError):
    """An agent that cannot be loaded or made, in one sentence."""


def load_agent(name: str) -> AgentFactory:
    """Load the class or function that makes a submission's agent.

    Args:
        name: "module:attribute" or "path.py:attribute"; the attribute is a class, or a function that returns an
            agent, and needs no arguments.

    Raises:
        SubmissionError: The name is ill-formed, the module or the attribute is missing, or it cannot be called.
    """
    module_name, attribute = split_name(name)
    is_path = module_name.endswith(".py")
    module = _load_file(Path(module_name)) if is_path else _import_module(module_name)
    factory: Any = module
    for part in attribute.split("."):
        factory = _get_part(factory, part, module_name)
    if not callable(factory):
        raise SubmissionError(
            f"the agent {name!r} is a {type(factory).__name__}; it must be a class, or a function that returns an agent"
        )
    return _CheckedFactory(name, factory)


def split_name(name: str) -> tuple[str, str]:
    """Split "module:attribute" or "path.py:attribute" into its two parts.

    Raises:
        SubmissionError: A part is missing.
    """
    module_name, _, attribute = name.rpartition(":")
    if not (module_name and attribute):
        raise SubmissionError(
            f"cannot read the agent {name!r}: write module:attribute or path.py:attribute, such as"
            " my_package.my_module:MyAgent or my_agent.py:make_agent"
        )
    return module_name, attribute


class _CheckedFactory:
    """Calls the submission's factory and checks what it returns."""

    def __init__(self, name: str, factory: Callable[[], Any]) -> None:
        self.name = name
        self.factory = factory

    def __call__(self) -> Agent:
        try:
            agent: Agent = self.factory()
        except Exception as error:
            raise SubmissionError(
                f"the agent {self.name!r} could not be made without arguments: {type(error).__name__}: {error}"
            ) from error
        for method in AGENT_METHODS:
            if not callable(getattr(agent, method, None)):
                raise SubmissionError(
                    f"the agent {self.name!r} made a {type(agent).__name__} without the method {method}: an agent has"
                    f" {' and '.join(AGENT_METHODS.values())}"
                )
        return agent


def agent_digest(name: str) -> str:
    """Return the SHA-256 of the file that a submission names, "" for a module that is no file.

    It notices that this file was edited between two parts of a run, not that one which it imports was.

    Raises:
        SubmissionError: There is no such file or module.
    """
    module_name, _ = split_name(name)
    origin: str | None = module_name
    if module_name.endswith(".py"):
        _check_file(Path(module_name))
    else:
        try:
            spec = importlib.util.find_spec(module_name)
        except ModuleNotFoundError as error:
            raise _missing_module(error.name or module_name, module_name) from error
        except ValueError:
            return ""
        except Exception as error:
            raise _import_failure(module_name, error) from error
        if spec is None:
            raise _missing_module(module_name, module_name)
        origin = spec.origin
    path = Path(origin or "")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _import_module(module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise _missing_module(error.name or module_name, module_name) from error
    except Exception as error:
        raise _import_failure(module_name, error) from error


def _missing_module(missing: str, module_name: str) -> SubmissionError:
    if module_name == missing or module_name.startswith(f"{missing}."):
        return SubmissionError(
            f"there is no module {missing!r}: install it, run from the folder that holds it, or give a path with"
            f" .py, such as {module_name.replace('.', '/')}.py:MyAgent"
        )
    return SubmissionError(f"the module {module_name!r} imports {missing!r}, which is not installed")


def _check_file(path: Path) -> None:
    if not path.is_file():
        names = [other.name for other in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = nearest_name(path.name, names)
        hint = f"; did you mean {str(path.with_name(near))!r}?" if near else ""
        raise SubmissionError(f"there is no file {str(path)!r}{hint}")


def _load_file(path: Path) -> ModuleType:
    _check_file(path)
    module_name = f"submission_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise SubmissionError(f"cannot load {str(path)!r} as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _import_failure(str(path), error) from error
    return module


def _import_failure(source: str, error: Exception) -> SubmissionError:
    return SubmissionError(f"importing {source!r} failed: {type(error).__name__}: {error}")


def _get_part(owner: Any, part: str, source: str) -> Any:
    try:
        return getattr(owner, part)
    except AttributeError:
        names = [name for name in dir(owner) if not name.startswith("_")]
        near = nearest_name(part, names)
        hint = f"; did you mean {near!r}?" if near else ""
        raise SubmissionError(f"{source!r} has no {part!r}{hint}") from None
