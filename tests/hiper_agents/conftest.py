"""Fixtures for tests of commands."""

import pytest
from rich.console import Console

from tests.hiper_agents.screen import make_console


@pytest.fixture
def console() -> Console:
    """A console that writes into memory; see `written`."""
    return make_console()
