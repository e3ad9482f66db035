"""Files that are there completely or not at all."""

import errno
import os
import stat
from pathlib import Path


def write_whole(path: str | Path, content: str | bytes) -> Path:
    """Write a file with its folders; whatever stops that, the file stays as it was and nothing else is left.

    The content is written beside its place and moved there. What is no regular file (a terminal, /dev/null) is written
    to directly.

    Args:
        path: Where it goes; a link is followed.
        content: Text, written in UTF-8, or bytes.

    Returns:
        The path.

    Raises:
        OSError: It cannot be written; `filename` is the path that was asked for.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _put(Path(os.path.realpath(path)), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    return path


def _put(place: Path, data: bytes) -> None:
    is_there = place.exists()
    if is_there and not place.is_file():
        place.write_bytes(data)
        return
    if is_there and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if is_there:
            unfinished.chmod(stat.S_IMODE(place.stat().st_mode))
        os.replace(unfinished, place)
    finally:
        unfinished.unlink(missing_ok=True)
