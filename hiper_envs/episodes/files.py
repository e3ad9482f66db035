"""Episode records on disk: JSON lines, plain or compressed, read and written one at a time."""

import codecs
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
import zstandard

from hiper_envs.episodes.record import MILESTONE_VERSION, RECORD_VERSION, Episode
from hiper_envs.episodes.regular_file import open_regular
from hiper_envs.reply_version import check_version

ZSTD_SUFFIX = ".zst"
CHUNK_BYTES = 1 << 16
_decode_episode = msgspec.json.Decoder(Episode).decode


class RecordError(ValueError):
    """A file of records, or a record in it, that cannot be read; names file and line."""


class EpisodeWriter:
    """Appends episodes to a file, each whole on disk before the next begins.

    A name that ends in `.zst` is compressed, one Zstandard frame an episode, so that a killed writer loses at most
    the episode that it was writing; the next writer cuts that off.

    Args:
        path: The file; it is made, with its folders, if it does not exist.

    Raises:
        OSError: What lies at the path is no file, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._compressor = zstandard.ZstdCompressor() if self.path.suffix == ZSTD_SUFFIX else None
        self._file = open_regular(self.path, "ab")
        _cut_torn_end(self.path)

    def write(self, episode: Episode) -> None:
        """Append one episode and hand it to the disk.

        Raises:
            RecordError: It holds something that could not be read again; the file is left as it was.
        """
        self.write_line(encode_episode(episode))

    def write_line(self, line: bytes) -> None:
        """Append an episode as `encode_episode` gives it and hand it to the disk."""
        line += b"\n"
        self._file.write(self._compressor.compress(line) if self._compressor else line)
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Close the file."""
        self.close()


def encode_episode(episode: Episode) -> bytes:
    """Return an episode as a line of JSON without its end.

    Raises:
        RecordError: It holds something that could not be read again, such as NaN or an option that is no plain value.
    """
    try:
        line = msgspec.json.encode(episode)
        _decode_episode(line)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise RecordError(
            f"the episode of task {episode.task_id!r} by {episode.agent!r} cannot be written as a record: {error}"
        ) from error
    return line


def write_episodes(path: str | Path, episodes: Iterable[Episode]) -> int:
    """Append episodes to a file and return how many there were."""
    with EpisodeWriter(path) as writer:
        return sum(1 for _ in map(writer.write, episodes))


def read_episodes(path: str | Path, *, drops_torn_end: bool = False) -> Iterator[Episode]:
    """Read episodes one at a time.

    Args:
        path: A file of JSON lines, compressed if its name ends in `.zst`.
        drops_torn_end: Whether a last line that a killed writer left unfinished is passed over.

    Yields:
        The episodes in the order in which they were written.

    Raises:
        RecordError: The file is missing, or a line is no episode of a version that this suite reads.
    """
    path = Path(path)
    number = 0
    try:
        for number, line in enumerate(_read_lines(path), 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            is_torn = drops_torn_end and not line.endswith(b"\n") and not _is_whole(line)
            if not is_torn:
                yield _decode(line, path, number)
    except FileNotFoundError:
        raise RecordError(f"no episodes at {path}: the file does not exist") from None
    except OSError as error:
        raise RecordError(f"cannot read the episodes at {path}: {error.strerror}") from error
    except zstandard.ZstdError as error:
        if not drops_torn_end:
            raise RecordError(f"{path} breaks off after line {number}: {error}") from None


def _read_lines(path: Path) -> Iterator[bytes]:
    with open_regular(path) as file:
        if path.suffix != ZSTD_SUFFIX:
            yield from file
        else:
            yield from (line for line, _ in _read_frames(file))


def _read_frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield what stands in each frame and the offset at which it ends; refuse an unfinished last frame."""
    waiting, offset, frame, pieces = b"", 0, zstandard.ZstdDecompressor().decompressobj(), list[bytes]()
    while waiting or (waiting := file.read(CHUNK_BYTES)):
        pieces.append(frame.decompress(waiting))
        offset += len(waiting) - len(frame.unused_data)
        waiting = frame.unused_data
        if frame.eof:
            yield b"".join(pieces), offset
            frame, pieces = zstandard.ZstdDecompressor().decompressobj(), []
    if pieces:
        raise zstandard.ZstdError("the last record is unfinished")


def _cut_torn_end(path: Path) -> None:
    """Cut off what a killed writer left unfinished, so that what is appended can be read."""
    with path.open("rb") as file:
        whole, needs_newline = (_find_end_of_frames if path.suffix == ZSTD_SUFFIX else _find_end_of_lines)(file)
    os.truncate(path, whole)
    if needs_newline:
        with path.open("ab") as file:
            file.write(b"\n")


def _find_end_of_frames(file: BinaryIO) -> tuple[int, bool]:
    """Return where the last whole frame ends."""
    whole = 0
    try:
        for _, end in _read_frames(file):
            whole = end
    except zstandard.ZstdError:
        pass
    return whole, False


def _find_end_of_lines(file: BinaryIO) -> tuple[int, bool]:
    """Return where the last whole line ends, and whether it lacks its end; reads no more than the last line."""
    size = start = file.seek(0, os.SEEK_END)
    pieces: list[bytes] = []
    while start and not (pieces and b"\n" in pieces[-1]):
        end, start = start, max(0, start - CHUNK_BYTES)
        file.seek(start)
        pieces.append(file.read(end - start))
    last = b"".join(reversed(pieces)).rpartition(b"\n")[2]
    is_whole = bool(last) and _is_whole(last)
    return size if is_whole else size - len(last), is_whole


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return False
    return True


def _decode(line: bytes, path: Path, number: int) -> Episode:
    try:
        episode = _decode_episode(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}, line {number}, is no episode record: {error}") from None
    if episode.version < 1:
        raise RecordError(f"{path}, line {number}, has record version {episode.version}; versions count from 1")
    if episode.version > RECORD_VERSION:
        raise RecordError(
            f"{path}, line {number}, has record version {episode.version}, this suite reads up to {RECORD_VERSION}:"
            " install a newer hiper-suite"
        )
    if not 1 <= episode.milestone_version <= MILESTONE_VERSION:
        raise RecordError(
            f"{path}, line {number}, counts milestones by version {episode.milestone_version}, this suite knows 1 to"
            f" {MILESTONE_VERSION}: a newer one needs a newer hiper-suite"
        )
    try:
        check_version(episode.reply_version)
    except ValueError as error:
        raise RecordError(f"{path}, line {number}: {error}") from None
    return episode
