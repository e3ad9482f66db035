"""A built catalogue on disk: one folder of arrays and a manifest, there completely or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 4
ARCHIVE_NAME = "catalogue"
MANIFEST_NAME = "manifest.json"
RECORDS_NAME = "records.bin"
ARRAY_NAMES = (
    "record_starts", "sorted_asins", "sorted_numbers", "asin_ranks", "pricing",
    "prices",
    *(f"{kind}_{part}" for kind in ("synthetic", "human") for part in ("bearers", "weights", "order", "limits")),
    "term_keys", "term_key_starts", "term_starts", "term_numbers", "term_codes", "term_pairs", "term_best",
    *(f"{name}_{part}" for name in ("category", "query", "attribute")
      for part in ("keys", "key_starts", "starts", "numbers")),
)  # fmt: skip
FILE_NAMES = (RECORDS_NAME, *(f"{name}.npy" for name in ARRAY_NAMES))
_SMALL_ARRAY = 1 << 16
_SECONDS_UNTOUCHED = 24 * 60 * 60


class Manifest(msgspec.Struct, frozen=True):
    """What a built catalogue says about itself.

    Attributes:
        format_version: Version of the folder's layout.
        digest: SHA-256 over all products as built, nouns included: the same products give the same digest.
        noun_source: Model and version that found the title nouns, or "given" where the products brought them.
        num_products: Products sold.
        num_repeats: Records left out because their asin had come before.
        num_unsold: Records left out because of their asin ("nan" or too long).
        num_products_with_terms: Products with at least one search term.
        num_all_terms: Length of all product texts in terms.
        file_sizes: Bytes of each other file by name.
    """

    format_version: int
    digest: str
    noun_source: str
    num_products: int
    num_repeats: int
    num_unsold: int
    num_products_with_terms: int
    num_all_terms: int
    file_sizes: dict[str, int]


class _Format(msgspec.Struct):
    """What manifests of all versions say."""

    format_version: int


class ArchiveError(ValueError):
    """A built catalogue cannot be opened or read."""


def explain_damage(folder: Path, damage: object) -> ArchiveError:
    """Return the error for a built catalogue whose files are not as they were built."""
    return ArchiveError(f"the built catalogue at {folder} is damaged ({damage}); build it again")


def is_archive(folder: Path) -> bool:
    """Return whether a built catalogue lies at `folder`."""
    return (folder / MANIFEST_NAME).is_file()


def check_archive(folder: Path) -> Manifest:
    """Return the manifest of a built catalogue whose files are all there in their sizes.

    Raises:
        ArchiveError: it is broken or of another version, or a file is missing or of another size.
    """
    manifest = _read_manifest(folder)
    for name in FILE_NAMES:
        try:
            size = (folder / name).stat().st_size
        except OSError as error:
            raise explain_damage(folder, error) from error
        if size != manifest.file_sizes.get(name):
            raise explain_damage(folder, f"{name} has {size} bytes, not {manifest.file_sizes.get(name)}")
    return manifest


def _read_manifest(folder: Path) -> Manifest:
    try:
        content = (folder / MANIFEST_NAME).read_bytes()
        version = msgspec.json.decode(content, type=_Format).format_version
        if version == FORMAT_VERSION:
            return msgspec.json.decode(content, type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArchiveError(f"the built catalogue at {folder} cannot be read ({error}); build it again") from error
    raise ArchiveError(
        f"the catalogue at {folder} was built in format {version}, this version reads format {FORMAT_VERSION}; "
        "build it again"
    )


def list_sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of the files that a manifest lists, in bytes."""
    return {name: (folder / name).stat().st_size for name in FILE_NAMES}


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of a built catalogue; small ones are read into memory.

    Raises:
        ArchiveError: an array is missing or broken.
    """
    try:
        return {name: _read_array(folder / f"{name}.npy") for name in ARRAY_NAMES}
    except (OSError, ValueError) as error:
        raise explain_damage(folder, error) from error


class RecordFile:
    """The products' records: read piece by piece, so that none of them stays in this process's memory.

    Attributes:
        folder: The archive that it lies in.

    Raises:
        ArchiveError: the file is missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / RECORDS_NAME, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise explain_damage(folder, error) from error
        self.folder = folder
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, stop - start, start)
        with self._lock:  # Windows has one place in the file for all who read
            os.lseek(self._descriptor, start, os.SEEK_SET)
            return os.read(self._descriptor, stop - start)


def _read_array(path: Path) -> NDArray[Any]:
    is_small = path.stat().st_size <= _SMALL_ARRAY
    try:
        array: NDArray[Any] = np.load(path, mmap_mode=None if is_small else "r")
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return array.view(np.ndarray)


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays into a folder, each as a file of its own."""
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


class ArchiveFolder:
    """A folder that takes its name only when it is finished; an unfinished one is removed."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out.with_name(f".{out.name}.{os.getpid()}.unfinished")

    def __enter__(self) -> Path:
        if self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir())):
            raise FileExistsError(f"{self.out} exists already; give a new folder to build into")
        self._remove_orphans()
        self.folder.mkdir(parents=True)
        return self.folder

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        if kind is None:
            if self.out.is_dir():
                self.out.rmdir()
            self.folder.rename(self.out)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(self.out)  # a full disk does not say where it is full

    def _remove_orphans(self) -> None:
        """Remove what killed builds of the same catalogue left behind."""
        for orphan in self.out.parent.glob(f".{glob.escape(self.out.name)}.*.unfinished"):
            if _is_left_behind(orphan):
                shutil.rmtree(orphan, ignore_errors=True)


def _is_left_behind(folder: Path) -> bool:
    """Return whether the build in an unfinished folder has been killed."""
    if os.name == "nt":  # there os.kill would end the process that it asks after
        return time.time() - folder.stat().st_mtime > _SECONDS_UNTOUCHED
    try:
        os.kill(int(folder.name.split(".")[-2]), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return True
    except PermissionError:
        return False
    return False
