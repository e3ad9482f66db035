"""The original's three source files, streamed; every fault is named by file and record."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from webshop_server.catalogue.product_reader import (
    ATTRIBUTES_FILE,
    HUMAN_FILE,
    PRODUCTS_FILE,
    CatalogueDataError,
    mend_text,
    read_asin,
)
from webshop_server.product import RawProduct

_CHARACTERS_PER_READ = 1 << 20
_LONGEST_RECORD = 1 << 26
_LONGEST_NUMBER = 64
_BLANKS = " \t\r\n"


class SourceFiles(NamedTuple):
    """Where the source files of one catalogue lie."""

    products: Path
    attributes: Path
    human: Path


def find_source_files(folder: Path) -> SourceFiles:
    """Return the three source files in a folder.

    Raises:
        FileNotFoundError: the folder or one of the files is missing.
        CatalogueDataError: it holds several product or attribute files.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}; give a folder with {PRODUCTS_FILE}, {ATTRIBUTES_FILE} and {HUMAN_FILE}, or "
            "one that `webshop-server build` made"
        )
    return SourceFiles(*(_find_one(folder, pattern) for pattern in (PRODUCTS_FILE, ATTRIBUTES_FILE, HUMAN_FILE)))


def _find_one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        listed = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise FileNotFoundError(f"there is no file {pattern} in {folder} (it holds {listed})")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise CatalogueDataError(f"{folder} holds several files {pattern}: {names}; leave the one to use in the folder")
    return found[0]


def read_raw_products(files: SourceFiles, show_bytes: Callable[[int], None] | None = None) -> Iterator[RawProduct]:
    """Yield the products of the source files in file order.

    The product file, which may have gigabytes, is read piece by piece; of the other two the undecoded text is kept.

    Args:
        files: The source files.
        show_bytes: Called with the characters of the product file read so far, now and then.

    Raises:
        CatalogueDataError: a file is no valid JSON, or not of the form it should have.
    """
    attributes = _read_by_asin(files.attributes)
    human = _read_by_asin(files.human)
    for number, record in enumerate(stream_array(files.products, show_bytes), 1):
        asin = read_asin(record, f"{files.products.name}, product {number}")
        yield RawProduct(
            product=record,
            attributes=_decode(attributes.get(asin), files.attributes, asin, dict),
            human=_decode(human.get(asin), files.human, asin, list) or (),
        )


def _read_by_asin(path: Path) -> Mapping[str, msgspec.Raw]:
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        mended = _mend_halves(content)
        if mended is None:
            told = f"{path.name} must be one JSON object with an entry for each asin: {error}"
            raise CatalogueDataError(told) from error
        return mended


def _mend_halves(content: bytes) -> Mapping[str, msgspec.Raw] | None:
    """Return the entries of a file with halves of surrogate pairs, which the quick reader refuses, or None."""
    try:
        entries = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, dict):
        return None
    return {mend_text(asin): msgspec.Raw(msgspec.json.encode(_mend_value(entry))) for asin, entry in entries.items()}


def _mend_value(value: Any) -> Any:
    if isinstance(value, str):
        return mend_text(value)
    if isinstance(value, list):
        return [_mend_value(item) for item in value]
    if isinstance(value, dict):
        return {mend_text(name): _mend_value(item) for name, item in value.items()}
    return value


def _decode(raw: msgspec.Raw | None, path: Path, asin: str, kind: type[Any]) -> Any:
    if raw is None:
        return None
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CatalogueDataError(f"{path.name}, asin {asin}: {error}") from error
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "a list"
        raise CatalogueDataError(f"{path.name}, asin {asin}: must be {wanted}, not {type(value).__name__}")
    return value


def stream_array(path: Path, show_progress: Callable[[int], None] | None = None) -> Iterator[Any]:
    """Yield the items of a file that holds one JSON array, one after another, in bounded memory.

    Raises:
        CatalogueDataError: the file is not UTF-8, holds no array, breaks off, or has a broken item.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        window = _Window(path, file.read, show_progress)
        try:
            yield from window.read_items()
        except UnicodeDecodeError as error:
            raise CatalogueDataError(f"{path.name}, after item {window.num_items}: not UTF-8 text ({error})") from error


class _Window:
    """The part of a JSON text that has been read and not yet decoded."""

    def __init__(self, path: Path, read: Callable[[int], str], show_progress: Callable[[int], None] | None) -> None:
        self._path, self._read, self._show_progress = path, read, show_progress
        self._text, self._place, self._num_read = "", 0, 0
        self._decoder = json.JSONDecoder()
        self.num_items = 0

    def read_items(self) -> Iterator[Any]:
        """Yield the array's items."""
        if self._next_sign() != "[":
            raise CatalogueDataError(f"{self._path.name} must hold one JSON list of products, and it does not begin so")
        self._place += 1
        if self._next_sign() == "]":
            return
        while True:
            yield self._read_item()
            sign = self._next_sign()
            if sign == "]":
                return
            if sign != ",":
                what = f"there is {sign!r} where a comma should be" if sign else "the file breaks off"
                raise CatalogueDataError(f"{self._path.name}, after item {self.num_items}: {what}")
            self._place += 1
            self._next_sign()

    def _read_item(self) -> Any:
        while True:
            try:
                value, stop = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError as error:
                if len(self._text) - self._place > _LONGEST_RECORD or not self._read_more():
                    raise self._describe(error) from error
                continue
            is_number = isinstance(value, (int, float))
            if is_number and len(self._text) - stop < _LONGEST_NUMBER and self._read_more():
                continue  # the rest of the number may be still to come
            self._place = stop
            self.num_items += 1
            return value

    def _describe(self, error: json.JSONDecodeError) -> CatalogueDataError:
        is_cut = error.pos >= len(self._text) - 1 or error.msg.startswith("Unterminated")
        what = "the file breaks off inside it (truncated?)" if is_cut else f"broken JSON: {error.msg}"
        return CatalogueDataError(f"{self._path.name}, item {self.num_items + 1}: {what}")

    def _next_sign(self) -> str:
        """Return the next character that is not blank, without taking it; "" at the end."""
        while True:
            while self._place < len(self._text):
                sign = self._text[self._place]
                if sign not in _BLANKS:
                    return sign
                self._place += 1
            if not self._read_more():
                return ""

    def _read_more(self) -> bool:
        piece = self._read(_CHARACTERS_PER_READ)
        if not piece:
            return False
        self._text = self._text[self._place :] + piece
        self._place = 0
        self._num_read += len(piece)
        if self._show_progress:
            self._show_progress(self._num_read)
        return True
