"""The toy world, reachable from this process and from workers."""

from pathlib import Path

import pytest

from leaderboard.freezing import freeze_panel
from leaderboard.panel import Panel

FOLDER = Path(__file__).parent


@pytest.fixture(autouse=True)
def toy_world_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


@pytest.fixture
def panel() -> Panel:
    """Twelve toy tasks, of which an agent that always works does eight in time."""
    return freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8)
