"""The toy world and the records made by hand, importable from tests and from workers."""

import sys
from pathlib import Path

import pytest

from leaderboard.panels.freezing import freeze_panel
from leaderboard.panels.panel import Panel

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def panel() -> Panel:
    """Twelve toy tasks, of which an agent that always works does eight in time."""
    return freeze_panel("toy-v1", "toy_world:Toy-v0", max_turns=8)
