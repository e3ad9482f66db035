"""A built catalogue on disk: one folder of arrays and a manifest, there completely or not at all."""

from __future__ import annotations

import glob
import os
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 3
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
_SMALL_ARRAY = 1 << 16


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
    """

    format_version: int
    digest: str
    noun_source: str
    num_products: int
    num_repeats: int
    num_unsold: int
    num_products_with_terms: int
    num_all_terms: int


class ArchiveError(ValueError):
    """A built catalogue cannot be opened."""


def is_archive(folder: Path) -> bool:
    """Return whether a built catalogue lies at `folder`."""
    return (folder / MANIFEST_NAME).is_file()


def check_archive(folder: Path) -> Manifest:
    """Return the manifest of a built catalogue.

    Raises:
        ArchiveError: it is broken or of another version.
    """
    try:
        manifest = msgspec.json.decode((folder / MANIFEST_NAME).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArchiveError(f"the built catalogue at {folder} cannot be read ({error}); build it again") from error
    if manifest.format_version != FORMAT_VERSION:
        raise ArchiveError(
            f"the catalogue at {folder} was built in format {manifest.format_version}, this version reads format "
            f"{FORMAT_VERSION}; build it again"
        )
    return manifest


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """Map the arrays of a built catalogue; small ones are read into memory.

    Raises:
        ArchiveError: an array is missing or broken.
    """
    try:
        return {name: _read_array(folder / f"{name}.npy") for name in ARRAY_NAMES}
    except (OSError, ValueError) as error:
        raise ArchiveError(f"the built catalogue at {folder} is damaged ({error}); build it again") from error


class RecordFile:
    """The products' records: read piece by piece, so that none of them stays in this process's memory.

    Raises:
        ArchiveError: the file is missing.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._descriptor = os.open(folder / RECORDS_NAME, os.O_RDONLY)
        except OSError as error:
            raise ArchiveError(f"the built catalogue at {folder} is damaged ({error}); build it again") from error
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`."""
        return os.pread(self._descriptor, stop - start, start)


def _read_array(path: Path) -> NDArray[Any]:
    is_small = path.stat().st_size <= _SMALL_ARRAY
    array: NDArray[Any] = np.load(path, mmap_mode=None if is_small else "r")
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

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            if self.out.is_dir():
                self.out.rmdir()
            self.folder.rename(self.out)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _remove_orphans(self) -> None:
        """Remove what killed builds of the same catalogue left behind."""
        for orphan in self.out.parent.glob(f".{glob.escape(self.out.name)}.*.unfinished"):
            if not _is_running(orphan.name.split(".")[-2]):
                shutil.rmtree(orphan, ignore_errors=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
