"""Who imports whom, how large things are, and what an import costs, as CONTRIBUTING.md says."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED: dict[str, set[str]] = {
    "webshop_server": set(),
    "hiper_envs": {"webshop_server"},
    "hiper_agents": {"hiper_envs", "webshop_server"},
    "leaderboard": {"hiper_envs", "webshop_server"},
}
FLOORS: dict[str, tuple[str, ...]] = {
    "webshop_server": (
        "allowed_types",
        "allowed_names extras product",
        "command_line search generated",
        "catalogue",
        "shop",
        "site endings",
        "__init__ __main__",
    ),
    "hiper_envs": (
        "plain_text earlier_replies reply_version spelling spaces task_types registration arguments whole_file",
        "reply",
        "segments prompts",
        "episodes",
        "milestones vector reward_wrappers",
        "alfworld webshop viewer",
        "adapters",
        "__init__",
    ),
    "hiper_envs.alfworld": (
        "__init__ games own_words",
        "rules generated",
        "official sources reading",
        "milestones played_game",
        "episode",
        "env",
        "long",
    ),
    "hiper_envs.webshop": ("__init__ reading tasks catalogues milestones browser asins baskets", "env", "basket_env"),
    "hiper_agents": (
        "worlds tasks",
        "advantages policies",
        "training",
        "agents",
        "evaluation model_runs",
        "studies adapters",
        "__init__ __main__",
    ),
    "hiper_agents.advantages": (
        "turns",
        "hae marks",
        "gae segment_traces normalise shaping",
        "groups reinforce",
        "gigpo beacon graphs",
        "graphgpo g2po",
        "table",
        "compute",
        "__init__",
    ),
    "hiper_agents.policies": ("__init__ policy", "agent table compact language"),
    "leaderboard": ("panels", "play", "scoring", "board adapters", "commands", "__init__ __main__"),
}
"""A package's rooms and files from the bottom up; those on one floor do not know each other."""
DOORS = {
    "textworld": "hiper_envs/alfworld/official/",
    "alfworld": "hiper_envs/alfworld/official/",
    "fast_downward": "hiper_envs/alfworld/official/",
    "starlette": "webshop_server/site/app.py",
    "uvicorn": "webshop_server/site/app.py",
    "selenium": "hiper_envs/webshop/browser.py",
    "spacy": "webshop_server/catalogue/nouns.py",
    "transformers": "hiper_agents/policies/language/",
    "peft": "hiper_agents/policies/language/adapters.py",
    "accelerate": "hiper_agents/training/distribution.py",
    "openai": "hiper_agents/agents/chat.py",
    "stable_baselines3": "hiper_agents/adapters/sb3.py",
}
MAX_FILE_LINES, MAX_FUNCTION_LINES = 320, 50


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    return {module_name(path): path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def imports(path: Path) -> frozenset[str]:
    """Everything that a file imports, for types only or inside functions too, as modules of ours or first words."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else node.module for name in names}
    return frozenset(found)


def own_imports(name: str) -> set[str]:
    return {other for other in imports(modules()[name]) if other in modules() and other != name}


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_they_may(package: str) -> None:
    forbidden = set(ALLOWED) - ALLOWED[package] - {package}
    mine = [name for name in modules() if name.split(".")[0] == package]
    assert not [
        (name, other) for name in mine for other in imports(modules()[name]) if other.split(".")[0] in forbidden
    ]


def unit_of(package: str, name: str) -> str:
    """Return the room or file of a package that a module lies in."""
    return name.removeprefix(package).lstrip(".").split(".")[0] or "__init__"


@pytest.mark.parametrize("package", FLOORS)
def test_rooms_import_only_from_below(package: str) -> None:
    floors = {unit: floor for floor, units in enumerate(FLOORS[package]) for unit in units.split()}
    inside = {name: unit_of(package, name) for name in modules() if f"{name}.".startswith(f"{package}.")}
    assert not set(inside.values()) - set(floors), "a room or file that the picture does not know"
    wrong = [
        (name, other)
        for name, unit in inside.items()
        for other in own_imports(name) & set(inside)
        if inside[other] != unit and floors[inside[other]] >= floors[unit]
    ]
    assert not wrong


def test_nothing_imports_in_a_circle() -> None:
    waiting = {name: own_imports(name) for name in modules()}
    while free := [name for name, needs in waiting.items() if not needs & set(waiting)]:
        for name in free:
            del waiting[name]
    assert not waiting


@pytest.mark.parametrize("library", DOORS)
def test_heavy_libraries_have_one_door(library: str) -> None:
    users = [name for name, path in modules().items() if library in {each.split(".")[0] for each in imports(path)}]
    assert all(str(modules()[name].relative_to(ROOT)).startswith(DOORS[library]) for name in users), users


def test_torch_stays_out_of_estimators_and_configs() -> None:
    quiet = [name for name in modules() if name.startswith(("hiper_agents.advantages", "hiper_agents.training.config"))]
    assert not [name for name in quiet if "torch" in imports(modules()[name])]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Names of a file's functions and their lines without the docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield node.name, lines + (node.body[0].lineno - node.lineno)


def test_files_and_functions_stay_short() -> None:
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules().items()}
    assert not {name: size for name, size in sizes.items() if size > MAX_FILE_LINES}
    found = {(name, function): size for name, path in modules().items() for function, size in functions(path)}
    assert not {where: size for where, size in found.items() if size > MAX_FUNCTION_LINES}


def drawn_modules() -> set[str]:
    """Return the modules in CONTRIBUTING's picture: under a folder's line, the words of deeper lines before a gap."""
    picture = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    folders: dict[int, str] = {}
    found = set()
    for line in filter(None, picture.split("\n")):
        depth = (len(line) - len(line.lstrip())) // 4
        first = re.split(r" {2,}", line.strip())[0]
        if first.endswith("/"):
            folders = {each: name for each, name in folders.items() if each < depth} | {depth: first.rstrip("/")}
        else:
            found |= {".".join([*(folders[each] for each in range(depth)), word]) for word in first.split()}
    return found


def test_picture_is_the_tree() -> None:
    assert drawn_modules() == {name for name, path in modules().items() if path.name != "__init__.py"}


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *sorted(p.name for p in (ROOT / "docs").glob("*.md"))]
)
def test_pages_name_files_that_are_there(page: str) -> None:
    found = next(path for path in (ROOT / page, ROOT / "docs" / page) if path.exists())
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", found.read_text(encoding="utf-8"))
    assert not [name for name in named if not (ROOT / name).exists() and not name.startswith("path/")]


def undocumented(path: Path) -> Iterator[str]:
    """Names of a file's public functions and classes that take three arguments or more and do not say what they are."""
    for owner in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(owner, ast.Module | ast.ClassDef) or getattr(owner, "name", "").startswith("_"):
            continue
        for node in owner.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            told_by = owner if node.name == "__init__" else node
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            names = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
            is_public = node.name == "__init__" or not node.name.startswith("_")
            if is_public and len(names) >= 3 and "Args:" not in (ast.get_docstring(told_by) or ""):
                yield node.name


def test_arguments_from_three_on_are_documented() -> None:
    assert not {name: missing for name, path in modules().items() if (missing := [*undocumented(path)])}


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
    make = "import gymnasium, hiper_envs; [gymnasium.make(id) for id in gymnasium.registry if id.startswith('hiper/')]"
    assert not loaded_modules(make) & heavy
