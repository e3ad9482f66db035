"""Who imports whom, and what an import costs, as CONTRIBUTING.md says."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "webshop_server": set(),
    "hiper_envs": {"webshop_server"},
    "hiper_agents": {"hiper_envs", "webshop_server"},
    "leaderboard": {"hiper_envs", "webshop_server"},
}
DOORS = {
    "textworld": {"hiper_envs/alfworld/official/engine.py"},
    "alfworld": {"hiper_envs/alfworld/official/engine.py"},
    "starlette": {"webshop_server/site/app.py"},
    "uvicorn": {"webshop_server/site/app.py"},
    "spacy": {"webshop_server/catalogue/nouns.py"},
}


def imported_names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_they_may(package: str) -> None:
    forbidden = set(ALLOWED) - ALLOWED[package] - {package}
    found = {
        (str(path.relative_to(ROOT)), name)
        for path in sources(package)
        for name in imported_names(path)
        if name in forbidden
    }
    assert not found


@pytest.mark.parametrize("library", DOORS)
def test_heavy_libraries_have_one_door(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for package in ALLOWED
        for path in sources(package)
        if library in imported_names(path)
    }
    assert users <= DOORS[library]


def test_torch_stays_out_of_estimators_and_configs() -> None:
    files = [*sources("hiper_agents/advantages"), ROOT / "hiper_agents/training/config.py"]
    assert not [path for path in files if "torch" in imported_names(path)]


def loaded_modules(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", ["hiper_envs", "hiper_agents", "leaderboard", "webshop_server"])
def test_importing_a_package_is_cheap(package: str) -> None:
    heavy = {"torch", "textworld", "alfworld", "spacy", "starlette", "transformers", "selenium", "jinja2", "scipy"}
    assert not loaded_modules(f"import {package}") & heavy


def test_making_an_environment_loads_nothing_heavy() -> None:
    heavy = {"torch", "textworld", "alfworld", "spacy", "transformers", "selenium"}
    make = "import gymnasium, hiper_envs; [gymnasium.make(id) for id in ('hiper/ALFWorld-v0', 'hiper/WebShop-v0')]"
    assert not loaded_modules(make) & heavy
