"""Builds beside one another: what a killed one left is removed, what a running one makes is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from webshop_server.catalogue.archive import ArchiveFolder


@pytest.fixture
def ended() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(folder: Path, name: str, process: object) -> Path:
    left = folder / f".{name}.{process}.unfinished"
    left.mkdir()
    (left / "records.bin").write_bytes(b"half")
    return left


def test_what_a_killed_build_left_is_removed(tmp_path: Path, ended: int) -> None:
    orphans = [leave(tmp_path, "shop", ended), leave(tmp_path, "shop", "nobody")]
    with ArchiveFolder(tmp_path / "shop") as folder:
        assert not any(orphan.exists() for orphan in orphans)
        (folder / "new").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_what_a_running_build_makes_is_left(tmp_path: Path, ended: int) -> None:
    other, elsewhere = leave(tmp_path, "shop", os.getppid()), leave(tmp_path, "market", ended)
    with ArchiveFolder(tmp_path / "shop"):
        assert (other / "records.bin").read_bytes() == b"half"
    assert (other / "records.bin").exists() and elsewhere.exists()


def test_what_a_build_of_somebody_else_makes_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    other = leave(tmp_path, "shop", 1)
    with ArchiveFolder(tmp_path / "shop"):
        assert other.exists()


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no product"), ArchiveFolder(tmp_path / "shop") as folder:
        (folder / "records.bin").touch()
        raise ValueError("no product")
    assert not list(tmp_path.iterdir())
