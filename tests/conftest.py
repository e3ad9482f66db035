"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded behaviour and real data beside the checkout; tests that need it skip without it."""
    folder = Path(os.environ.get("HIPER_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}: set HIPER_SHARED to the folder that holds gold/ and data/")
    return folder
