"""A file is there completely or not at all."""

import os
import stat
from pathlib import Path

import pytest

from hiper_envs.whole_file import write_whole


def test_written_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.html"
    assert write_whole(path, "café") == path and path.read_text(encoding="utf-8") == "café"
    path.chmod(0o640)
    write_whole(str(path), b"bytes")
    assert path.read_bytes() == b"bytes" and [each.name for each in path.parent.iterdir()] == ["page.html"]
    assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_are_followed_and_devices_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink() and target.read_text() == "new"
    if Path("/dev/null").exists():
        write_whole("/dev/null", "nothing")
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(path, "new")
    assert caught.value.filename == str(path) and path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


def test_what_may_not_be_written_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    with pytest.raises(PermissionError) as caught:
        write_whole(path, "new")
    assert caught.value.filename == str(path) and path.read_text() == "old"
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "new")
