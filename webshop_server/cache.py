"""Catalogues built from small source files, kept in the user's cache folder under the digest of the files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from webshop_server.archive import FORMAT_VERSION, ArchiveError, check_archive, is_archive
from webshop_server.builder import build_archive
from webshop_server.source_files import SourceFiles, read_raw_products

LARGEST_BUILT_UNASKED = 100_000_000
"""Bytes of source files above which a build has to be asked for."""


def build_cached(files: SourceFiles) -> Path:
    """Return a built catalogue of these files, from the cache if it has been built before.

    Raises:
        ValueError: the files are too large to be built without being asked.
    """
    size = sum(path.stat().st_size for path in files)
    folder = files.products.parent
    if size > LARGEST_BUILT_UNASKED:
        raise ValueError(
            f"the files in {folder} have {size / 1e9:.1f} GB, too much to build on the way: run "
            f"`webshop-server build {folder} OUT` once and give OUT"
        )
    out = find_cache_folder() / f"{digest_files(files)}-v{FORMAT_VERSION}"
    if is_archive(out):
        try:
            check_archive(out)
            return out
        except ArchiveError:
            pass
    try:
        return build_archive(read_raw_products(files), out)
    except OSError:
        if is_archive(out):  # another process was faster
            return out
        raise


def find_cache_folder() -> Path:
    """Return the folder for built catalogues: $WEBSHOP_CACHE, or one under the user's cache folder."""
    if chosen := os.environ.get("WEBSHOP_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hiper-suite" / "webshop"


def digest_files(files: SourceFiles) -> str:
    """Return a digest of the files' contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
