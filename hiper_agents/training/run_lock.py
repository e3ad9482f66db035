"""One training at a time in a folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "training.lock"


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Make a run's folder and keep other processes from training in it; the system lets go of it if we are killed.

    Where a folder itself cannot be locked (Windows), a file in it is; where nothing can be, nobody is kept out.

    Raises:
        ValueError: Another process trains there.
        OSError: The folder cannot be made or opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = _open_locked(folder)
    if descriptor is None:
        raise ValueError(f"another hiper train is at work in {folder}; wait for it, or choose another --run")
    try:
        yield
    finally:
        os.close(descriptor)


def _open_locked(folder: Path) -> int | None:
    """Return what holds the lock as long as it is open; None if somebody else has it."""
    try:
        import fcntl
    except ImportError:
        return _open_locked_file(folder / LOCK_NAME)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _open_locked_file(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        import msvcrt
    except ImportError:
        return descriptor
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]  # on Windows only
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
