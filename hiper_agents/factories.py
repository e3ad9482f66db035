"""Agents by the name of what makes them."""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from hiper_envs.episodes.agents import Agent


def find_factory(name: str) -> Callable[[], Agent]:
    """Return the agent factory named "module:attribute" or "path.py:attribute".

    Modules are also looked for in the working folder, after all others.

    Raises:
        ValueError: The name has another form, there is no such file, module or attribute, it fails when it is
            imported, or what it names cannot be called.
    """
    source, _, attribute = name.rpartition(":")
    if not (source and attribute):
        raise ValueError(
            f"agent {name!r} is not of the form module:attribute, like hiper_agents:expert, or path.py:attribute"
        )
    try:
        module = _load_file(Path(source)) if source.endswith(".py") else _import_module(source)
        factory: Callable[[], Agent] = getattr(module, attribute)
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise ValueError(f"agent {name!r} cannot be found: {error}") from error
    except Exception as error:
        raise ValueError(f"importing {source!r} failed: {type(error).__name__}: {error}") from error
    if not callable(factory):
        raise ValueError(f"agent {name!r} is of type {type(factory).__name__}; it must be a class or function")
    return factory


def _import_module(source: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(source)


def _load_file(path: Path) -> ModuleType:
    name = f"agent_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses and pickles look a module up by its name
    spec.loader.exec_module(module)
    return module
