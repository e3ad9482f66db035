"""Catalogues built from small source files, kept in the user's cache folder under the digest of the files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from webshop_server.catalogue.archive import FORMAT_VERSION, ArchiveError, check_archive, is_archive
from webshop_server.catalogue.builder import build_archive
from webshop_server.catalogue.source_files import SourceFiles, read_raw_products
from webshop_server.product import RawProduct

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
    return _keep(f"{digest_files(files)}-v{FORMAT_VERSION}", lambda: read_raw_products(files))


def generate_cached(num_products: int, seed: int) -> Path:
    """Return the built generated catalogue of this size and seed, from the cache if it has been built before.

    Raises:
        OSError: the cache folder cannot be written.
    """
    from webshop_server.generated.generate import generate_products

    name = f"generated-{num_products}-{seed}-{digest_package()}"
    return _keep(name, lambda: generate_products(num_products, seed))


def _keep(name: str, read_products: Callable[[], Iterable[RawProduct]]) -> Path:
    """Return the archive of that name in the cache folder, built if it is not there, and again if it is broken."""
    out = find_cache_folder() / name
    if is_archive(out):
        try:
            check_archive(out)
            return out
        except ArchiveError:
            shutil.rmtree(out, ignore_errors=True)
    try:
        return build_archive(read_products(), out)
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


def digest_package() -> str:
    """Return a digest of this package's own code and words: what a generated catalogue depends on."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for suffix in (".py", ".toml", ".txt") for path in package.rglob(f"*{suffix}")):
        name = path.relative_to(package).as_posix()
        digest.update(name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def digest_files(files: SourceFiles) -> str:
    """Return a digest of the files' contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
