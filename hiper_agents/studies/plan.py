"""What a study trains: starts, and arms that go on from them, read from TOML; torch is not needed to read one."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from hiper_agents.training.config import TrainConfig, read_config
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import shorten

SHIPPED = resources.files("hiper_agents") / "studies" / "plans"
OF_A_NEW_MODEL = ("world", "sizes", "has_marks")
"""Policy options that say how a model is made, and nothing of one that is there."""
NO_IMITATION: dict[str, Any] = {"expert_episodes": 0, "policy_share": 0.0, "disturbance": 0.0, "expert_fresh": False}


@dataclass(frozen=True)
class Start:
    """A run that arms go on from: a configuration by name or file, and what is changed of it."""

    config: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """The start that an arm goes on from, and the settings that tell it from other arms."""

    start: str
    settings: dict[str, Any] = field(default_factory=dict)


class Cell(NamedTuple):
    """An arm with a seed."""

    arm: str
    seed: int

    @property
    def folder(self) -> str:
        """Where its run lies in the study's folder."""
        return f"{self.arm}/seed{self.seed}"


@dataclass(frozen=True)
class StudyPlan:
    """All runs of a study.

    Attributes:
        name: Its name.
        starts: What arms go on from, by name.
        arms: The arms, by name.
        seeds: Each arm is trained with each of them.
        settings: Of all arms.
    """

    name: str
    starts: dict[str, Start]
    arms: dict[str, Arm]
    seeds: tuple[int, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def list_cells(self) -> Iterator[Cell]:
        """Yield the cells seed by seed, so that a study that is stopped has all arms with some seeds."""
        for seed in self.seeds:
            for arm in self.arms:
                yield Cell(arm, seed)

    def configure_start(self, name: str) -> TrainConfig:
        """Return the settings of a start.

        Raises:
            ValueError: A setting is wrong.
        """
        start = self.starts[name]
        return read_config(start.config, **_replace_options(start.config, start.settings))

    def configure_cell(self, cell: Cell, model: Path) -> TrainConfig:
        """Return the settings of a cell's run.

        Args:
            cell: The cell.
            model: The folder of the model that its start left.

        Raises:
            ValueError: A setting is wrong.
        """
        arm = self.arms[cell.arm]
        config = self.starts[arm.start].config
        changed = _replace_options(config, {**self.settings, **arm.settings})
        kept = {name: each for name, each in changed["policy_options"].items() if name not in OF_A_NEW_MODEL}
        changes = {**NO_IMITATION, **changed, "policy_options": {**kept, "model": str(model.resolve())}}
        return read_config(config, **{**changes, "name": f"{self.name}-{cell.arm}", "seed": cell.seed})


def _replace_options(config: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with all policy options in them: those that are not named stay as they are."""
    return {**settings, "policy_options": {**read_config(config).policy_options, **settings.get("policy_options", {})}}


def read_plan(path_or_name: str | Path) -> StudyPlan:
    """Read a study from a file, or a shipped one by its name; all settings of all arms are checked.

    Args:
        path_or_name: A path that ends in .toml, or a name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such name, or something in it is wrong or missing.
    """
    text = str(path_or_name)
    if text.endswith(".toml"):
        if not Path(text).is_file():
            raise FileNotFoundError(f"no study at {text}; give a .toml file or one of {', '.join(list_plans())}")
        content = Path(text).read_text(encoding="utf-8")
    else:
        check_choice(text, list_plans(), "study")
        content = (SHIPPED / f"{text}.toml").read_text(encoding="utf-8")
    try:
        plan = _make_plan(tomllib.loads(content))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ValueError(f"{text} is no study: {error}") from error
    for name in plan.starts:
        plan.configure_start(name)
    for cell in plan.list_cells():
        plan.configure_cell(cell, Path("model"))
    return plan


def _make_plan(told: dict[str, Any]) -> StudyPlan:
    for name in told:
        check_choice(name, StudyPlan.__dataclass_fields__, "part of a study")
    missing = [name for name in ("name", "starts", "arms", "seeds") if not told.get(name)]
    if missing:
        raise ValueError(f"a study needs {' and '.join(missing)}: name, seeds, starts and arms that name their start")
    starts = {name: Start(**each) for name, each in told["starts"].items()}
    arms = {name: Arm(**each) for name, each in told["arms"].items()}
    for name, arm in arms.items():
        check_choice(arm.start, starts, f"start of arm {name}")
    seeds = told["seeds"]
    if not all(type(seed) is int and seed >= 0 for seed in seeds) or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds are {shorten(seeds)}; they must be different whole numbers from 0")
    return StudyPlan(told["name"], starts, arms, tuple(seeds), told.get("settings", {}))


def list_plans() -> list[str]:
    """Return the names of the shipped studies."""
    return sorted(entry.name.removesuffix(".toml") for entry in SHIPPED.iterdir() if entry.name.endswith(".toml"))
