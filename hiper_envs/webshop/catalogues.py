"""The catalogue that the argument `data` means: products made from a seed, the user's real ones, a folder."""

from __future__ import annotations

import os
import re
import reprlib
from functools import lru_cache
from pathlib import Path

from webshop_server.allowed_types import WrongTypeError, shorten
from webshop_server.catalogue.catalogue import MOST_KEPT_UNASKED, Catalogue
from webshop_server.generated.generate import DEFAULT_PRODUCTS, MIN_PRODUCTS

GENERATED, REAL = "generated", "real"
REAL_DATA = "WEBSHOP_DATA"
DATA_TAKEN = (
    f"data takes the path of a folder, a Catalogue or None (the generated products), {REAL!r} (the folder in "
    f"${REAL_DATA}), or '{GENERATED}:NUMBER' or '{GENERATED}:NUMBER:SEED' with {MIN_PRODUCTS} to {MOST_KEPT_UNASKED} "
    "products"
)
_NUMBERS = re.compile(r"generated(?::([0-9]{1,18})(?::([0-9]{1,18}))?)?")


def open_catalogue(data: str | Path | None = None) -> Catalogue:
    """Return the catalogue that `data` means; one object for all who ask in this process.

    Args:
        data: None for the 1,000 generated products; "generated:5000" for so many, "generated:5000:7" for those of
            another seed than 0; "real" for the folder that $WEBSHOP_DATA names; or a folder of real files or a built
            catalogue ("./real" for one of that name).

    Raises:
        ValueError: `data` is none of these, or the catalogue there is damaged.
        FileNotFoundError: `data` is a folder that is not there or lacks a file, or $WEBSHOP_DATA is not set.
        ModuleNotFoundError: real files were never built, and the model that finds their title nouns is missing.
    """
    if data is None:
        return _generate(DEFAULT_PRODUCTS, 0)
    if isinstance(data, str) and data.partition(":")[0] == GENERATED:
        return _generate(*_read_numbers(data))
    if isinstance(data, str) and data == REAL:
        return _load(find_real_data())
    folder = os.fspath(data) if isinstance(data, (str, os.PathLike)) else None
    if not isinstance(folder, str) or not folder:
        raise WrongTypeError(f"{DATA_TAKEN}, not {shorten(data)} ({type(data).__name__})")
    return _load(folder)


def find_real_data() -> str:
    """Return the folder of the user's real product files.

    Raises:
        FileNotFoundError: $WEBSHOP_DATA is not set, or names no folder.
    """
    folder = os.environ.get(REAL_DATA, "")
    if not Path(folder).expanduser().is_dir() or not folder:
        state = f"names {folder!r}, which is no folder" if folder else "is not set"
        raise FileNotFoundError(
            f"data={REAL!r} means the real product files in the folder ${REAL_DATA}, and ${REAL_DATA} {state}; set it "
            "to the folder that holds items_shuffle_1000.json, items_ins_v2_1000.json and items_human_ins.json"
        )
    return folder


def check_digest(catalogue: Catalogue, digest: str | None) -> None:
    """Check that a catalogue is the one that somebody has in mind.

    Args:
        catalogue: What was opened.
        digest: Its manifest's digest as it should be; None for any.

    Raises:
        ValueError: it is another one.
    """
    if digest is not None and (not isinstance(digest, str) or digest != catalogue.manifest.digest):
        raise ValueError(
            f"this catalogue has the digest {catalogue.manifest.digest[:16]}, not {shorten(digest)} as asked for: its "
            f"products are others, or another model found the nouns of their titles (here: "
            f"{catalogue.manifest.noun_source}), which decide scores too"
        )


def make_absolute(data: str | Path | Catalogue | None) -> str | Path | Catalogue | None:
    """Return what means the same catalogue from any working directory; `data` is one that could be opened."""
    if data is None or isinstance(data, Catalogue):
        return data
    if isinstance(data, str) and (data == REAL or data.partition(":")[0] == GENERATED):
        return data
    return str(Path(data).expanduser().resolve())


def _read_numbers(data: str) -> tuple[int, int]:
    """Return how many products a text like "generated:5000:7" asks for, and their seed."""
    found = _NUMBERS.fullmatch(data)
    number = int(found[1] or DEFAULT_PRODUCTS) if found else 0
    if not found or number < MIN_PRODUCTS:
        raise ValueError(f"{DATA_TAKEN}, not {shorten(data)}")
    if number > MOST_KEPT_UNASKED:
        raise ValueError(
            f"data={reprlib.repr(data)} would be made anew in every process; run `webshop-server generate OUT "
            f"--num-products {number} --seed {int(found[2] or 0)}` once and give OUT"
        )
    return number, int(found[2] or 0)


def _load(folder: str) -> Catalogue:
    try:
        path = Path(folder).expanduser().resolve()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"data={reprlib.repr(folder)} is no path of a folder: {error}") from error
    return _open(str(path))


@lru_cache(maxsize=8)
def _open(folder: str) -> Catalogue:
    return Catalogue.load(folder)


@lru_cache(maxsize=8)
def _generate(num_products: int, seed: int) -> Catalogue:
    return Catalogue.generated(num_products, seed)
