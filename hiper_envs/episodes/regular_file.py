"""Opening files that may come from anywhere: what is no regular file is refused before it is read."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFDIR: "a folder", stat.S_IFSOCK: "a socket"}


def open_regular(path: Path, mode: str = "rb", *, follows_links: bool = True) -> BinaryIO:
    """Open a file in binary; never waits for the other end of a pipe and never opens a device.

    Args:
        path: The file.
        mode: Mode of `open`: "rb", "ab", "xb", ...
        follows_links: Whether a symbolic link at the end of the path stands for what it leads to.

    Raises:
        OSError: It is no regular file, or a link that is not followed, or it cannot be opened; `strerror` says it.
    """

    def open_at_once(name: str, flags: int) -> int:
        flags |= getattr(os, "O_NONBLOCK", 0) | (0 if follows_links else getattr(os, "O_NOFOLLOW", 0))
        descriptor = os.open(name, flags, 0o666)
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR):  # `open` itself refuses a folder
            os.close(descriptor)
            raise OSError(errno.EINVAL, f"it is {_KINDS.get(kind, 'a device')}, not a file", name)
        return descriptor

    try:
        file: BinaryIO = open(path, mode, opener=open_at_once)  # type: ignore[assignment]  # every mode is a binary one
    except OSError as error:
        if error.errno == errno.ELOOP and not follows_links:
            raise OSError(errno.ELOOP, "it is a symbolic link, not a file", str(path)) from None
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a named pipe, not a file", str(path)) from None
        raise
    return file


def read_regular(path: Path, max_bytes: int, *, follows_links: bool = True) -> bytes:
    """Return the content of a regular file.

    Args:
        path: The file.
        max_bytes: A larger file is refused.
        follows_links: As for `open_regular`.

    Raises:
        OSError: It cannot be opened or is too large; `strerror` says it.
    """
    with open_regular(path, follows_links=follows_links) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", str(path))
    return content


def find_irregular(path: Path) -> Path | None:
    """Return something at or below a path that is neither a file nor a folder, None if there is nothing of the kind.

    Whoever reads a folder that may come from anywhere would wait at a pipe for ever.
    """
    for found in (path, *_walk(path)):
        try:
            mode = found.stat().st_mode
        except OSError:
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return found
    return None


def _walk(folder: Path) -> Iterator[Path]:
    for name, _, files in os.walk(folder):
        yield from (Path(name, file) for file in files)
