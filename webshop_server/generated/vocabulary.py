"""The words of the generated catalogue: departments, product types, features, values and phrasings.

They lie in `wordlists/*.toml`, one file a department and `general.toml` for what all share; all of them were
written for this project.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

DEPARTMENTS = ("beauty", "electronics", "garden", "fashion", "grocery")
PATH_SEPARATOR = " \u203a "
STOP_WORDS = frozenset({"to", "of", "for", "in", "the", "a", "an", "and", "with", "built"})
FeatureKind = Literal["quality", "part", "use"]


@dataclass(frozen=True, slots=True)
class Feature:
    """Something a product can be, have or be for.

    Attributes:
        phrase: As it is written in texts ("easy to clean").
        attribute: As attribute lists have it, without stop words ("easy clean").
        kind: Where it stands in an instruction: "quality" before the noun, "part" after "with", "use" after "for".
    """

    phrase: str
    attribute: str
    kind: FeatureKind


@dataclass(frozen=True, slots=True)
class ProductType:
    """A kind of product: two names for it, the shop's query word, its category path and a usual price."""

    nouns: tuple[str, str]
    query: str
    path: tuple[str, ...]
    price: float

    def in_collection(self, name: str) -> ProductType:
        """Return this type as it is called in a collection; itself where there is none."""
        if not name:
            return self
        first, second = self.nouns
        return replace(self, nouns=(f"{name} {first}", f"{name} {second}"), query=f"{name.lower()} {self.query}")


@dataclass(frozen=True, slots=True)
class Family:
    """Product types that share words, features and options.

    `options` maps a group's name to the profile of its values and the chance that a product has the group.
    """

    name: str
    types: tuple[ProductType, ...]
    words: tuple[str, ...]
    features: tuple[Feature, ...]
    options: Mapping[str, tuple[str, float]]
    perks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Department:
    """One of the five departments, with the shares measured on the original's 1,000 products."""

    name: str
    share: int
    instruction_rate: float
    option_rate: float
    sentences: tuple[str, ...]
    families: tuple[Family, ...]
    shelf: tuple[tuple[Family, ProductType], ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything the generator knows.

    Attributes:
        departments: In the order of `DEPARTMENTS`.
        sentences: Sentences around a feature by kind ("quality", "part", "use"), and "facts", "short", "openers".
        common_parts: Bigrams that are listed as attributes though they say nothing.
        tails: What titles end on.
        title_words: Words that any title can have.
        collections: Words before the nouns of the products after the first thousand.
        values: Option values by name of the list.
        phrasings: Parts of human-style instructions.
        not_nouns: Lowercased words which are no noun in a title.
    """

    departments: tuple[Department, ...]
    sentences: Mapping[str, tuple[str, ...]]
    common_parts: tuple[str, ...]
    tails: tuple[str, ...]
    title_words: tuple[str, ...]
    collections: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    phrasings: Mapping[str, Any]
    not_nouns: frozenset[str]

    def is_noun(self, word: str) -> bool:
        """Whether a title's word, without punctuation, is a noun or a name."""
        return word[:1].isalpha() and word.lower() not in self.not_nouns


@cache
def load_vocabulary() -> Vocabulary:
    """Read the word lists; the same object each time."""
    general = _read_toml("general")
    sentences = {name: tuple(lines) for name, lines in general["sentences"].items() if name != "common_parts"}
    kinds = {"quality": "qualities", "part": "parts", "use": "uses"}
    return Vocabulary(
        departments=tuple(_read_department(name) for name in DEPARTMENTS),
        sentences={**sentences, **{kind: sentences[plural] for kind, plural in kinds.items()}},
        common_parts=tuple(general["sentences"]["common_parts"]),
        tails=tuple(general["title"]["tails"]),
        title_words=tuple(general["title"]["words"]),
        collections=tuple(general["collections"]["words"]),
        values={name: tuple(values) for name, values in general["values"].items()},
        phrasings=general["instructions"],
        not_nouns=frozenset(_read_text("not_nouns.txt").split()),
    )


def make_feature(phrase: str, kind: FeatureKind) -> Feature:
    """Return the feature that `phrase` describes."""
    return Feature(phrase, " ".join(word for word in phrase.split() if word not in STOP_WORDS), kind)


def _read_text(name: str) -> str:
    return (resources.files("webshop_server.generated") / "wordlists" / name).read_text(encoding="utf-8")


def _read_toml(name: str) -> dict[str, Any]:
    return tomllib.loads(_read_text(f"{name}.toml"))


def _read_department(name: str) -> Department:
    table = _read_toml(name)
    families = tuple(_read_family(title, table[title], table["path"]) for title in table["families"])
    return Department(
        name=name,
        share=table["share"],
        instruction_rate=table["instruction_rate"],
        option_rate=table["option_rate"],
        sentences=tuple(table["sentences"]),
        families=families,
        shelf=tuple(_interleave(families)),
    )


def _interleave(families: Sequence[Family]) -> Iterator[tuple[Family, ProductType]]:
    """Yield the first type of each family, then the second of each, and so on."""
    for position in range(max(len(family.types) for family in families)):
        for family in families:
            if position < len(family.types):
                yield family, family.types[position]


def _read_family(title: str, table: Mapping[str, Any], department_path: str) -> Family:
    path = (department_path, *table["path"].split(PATH_SEPARATOR))
    kinds: tuple[tuple[FeatureKind, str], ...] = (("quality", "qualities"), ("part", "parts"), ("use", "uses"))
    return Family(
        name=title,
        types=tuple(_read_type(line, path) for line in table["types"]),
        words=tuple(table["words"]),
        features=tuple(make_feature(phrase, kind) for kind, field in kinds for phrase in table[field]),
        options={group: (str(profile), float(chance)) for group, (profile, chance) in table["options"].items()},
        perks=tuple(table["perks"]),
    )


def _read_type(line: str, family_path: tuple[str, ...]) -> ProductType:
    nouns, query, path, price = (part.strip() for part in line.split("|"))
    first, second = nouns.split(" / ")
    return ProductType((first, second), query, (*family_path, *path.split(PATH_SEPARATOR)), float(price))
