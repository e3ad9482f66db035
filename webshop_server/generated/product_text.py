"""Titles, bullets and descriptions of generated products."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from webshop_server.generated.blueprints import Blueprint
from webshop_server.generated.vocabulary import Feature, Vocabulary

IN_TITLE, IN_DESCRIPTION, IN_FIRST_BULLET, IN_OTHER_BULLETS = 0.15, 0.14, 0.14, 0.85
IN_COLLECTIONS = 1.5
"""How many times as often the search finds a feature of what stands among more than 1,000 products."""
NO_DESCRIPTION_RATE = 0.3
STUFFED_RATE = 0.3
HEADED_RATE = 0.45
BULLET_COUNTS = ((1, 2, 3, 4, 5, 6, 7, 8), (6, 9, 16, 26, 84, 94, 99, 100))
LETTERS = "ABCDEFGHJKLMNPRSTVXZ"
HEADINGS = ("{}: ", "{} - ", "[{}] ", "【{}】", "✔ {} — ", "* {}: ")
_WORD = re.compile(r"[^\W_]+(?:[.'\u2019-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class ProductText:
    """The written part of a product."""

    title: str
    title_nouns: tuple[str, ...]
    bullets: tuple[str, ...]
    description: str


def write_text(rng: random.Random, vocabulary: Vocabulary, blueprint: Blueprint) -> ProductText:
    """Write a product's title, bullets and description.

    Args:
        rng: Where chance comes from.
        vocabulary: The words to write with.
        blueprint: What the product is.
    """
    writer = _Writer(rng, vocabulary, blueprint)
    title = writer.write_title()
    bullets = writer.write_bullets()
    return ProductText(title, title_nouns(vocabulary, title), bullets, writer.write_description())


def title_nouns(vocabulary: Vocabulary, title: str) -> tuple[str, ...]:
    """Return the lowercased nouns and names of a title in order, repeats kept."""
    words = (part for match in _WORD.findall(title) for part in match.split("-"))
    return tuple(word.removesuffix("'s").lower() for word in words if vocabulary.is_noun(word))


class _Writer:
    """Writes about one product; features land in the parts of the text by chance."""

    def __init__(self, rng: random.Random, vocabulary: Vocabulary, blueprint: Blueprint) -> None:
        self.rng, self.vocabulary, self.blueprint = rng, vocabulary, blueprint
        self.told: set[str] = set()
        self.openness = IN_COLLECTIONS if blueprint.collection else 1.0
        self.slots: Mapping[str, object] = {
            "item": _name_one(blueprint),
            "brand": blueprint.brand,
            "n": 8 + int(rng.random() * 70),
            "m": 2 + int(rng.random() * 28),
            "k": 1 + int(rng.random() * 9),
            "code": f"{_pick(rng, LETTERS)}{_pick(rng, LETTERS)}{int(rng.random() * 9000) + 100}",
        }

    def write_title(self) -> str:
        rng, blueprint = self.rng, self.blueprint
        length = min(40, max(4, round(rng.gauss(17.6, 7.4))))
        words = list(blueprint.words)
        lead = [words.pop() for _ in range(1 + int(rng.random() * 3)) if words]
        parts = [*lead, blueprint.noun] if rng.random() < 0.8 else [blueprint.noun, *lead]
        if rng.random() < 0.9:
            parts.insert(0, blueprint.brand)
        more = self._title_features() + self._title_fillers(words)
        length -= sum(part.count(" ") + 1 for part in parts)
        for part in more:
            if length <= 0:
                break
            parts.append(part)
            length -= part.count(" ") + 1
        separator = ", " if rng.random() < 0.25 else " "
        return " ".join(parts[:3]) + "".join(separator + part for part in parts[3:])

    def _title_features(self) -> list[str]:
        chosen = [feature for feature in self.blueprint.features if self.rng.random() < IN_TITLE * self.openness]
        return [f"{_LINKS[feature.kind]}{_title_case(feature.phrase)}" for feature in chosen]

    def _title_fillers(self, words: list[str]) -> list[str]:
        rng = self.rng
        fillers = list(words)
        first, second = self.blueprint.type.nouns
        other = second if self.blueprint.noun == first else first
        if rng.random() < 0.35:
            fillers.insert(0, other)
        if rng.random() < STUFFED_RATE:
            fillers.insert(0, _pick(rng, _pick(rng, self.blueprint.family.types).nouns))
        if rng.random() < 0.25:
            fillers.insert(0, f"for {_title_case(_last_use(self.blueprint.family.features, rng))}")
        if rng.random() < 0.35:
            fillers.insert(0, _pick(rng, self.vocabulary.tails))
        if rng.random() < 0.2:
            fillers.insert(0, f"{2 + int(rng.random() * 8)} Pack")
        if rng.random() < 0.25 and self.blueprint.department.name != "grocery":
            fillers.insert(0, f"({_pick(rng, self.vocabulary.values['plain_colors'])})")
        return fillers

    def write_bullets(self) -> tuple[str, ...]:
        rng = self.rng
        count = rng.choices(BULLET_COUNTS[0], cum_weights=BULLET_COUNTS[1])[0]
        told: list[list[Feature]] = [[] for _ in range(count)]
        for feature in self.blueprint.features:
            if rng.random() < IN_FIRST_BULLET * self.openness:
                told[0].append(feature)
            elif rng.random() < IN_OTHER_BULLETS and count > 1:
                told[1 + int(rng.random() * (count - 1))].append(feature)
        return tuple(self._write_bullet(features) for features in told)

    def _write_bullet(self, features: Sequence[Feature]) -> str:
        rng = self.rng
        if not features and rng.random() < 0.3:
            return self._fill(self._fresh(self.vocabulary.sentences["short"]))
        sentences = [self._write_about(feature) for feature in features] or [self._filler()]
        if rng.random() < 0.4:
            sentences.append(self._filler())
        if rng.random() < 0.12:
            sentences.append(self._fill(self._fresh(self.blueprint.department.sentences)))
        heading = ""
        if rng.random() < HEADED_RATE:
            name = features[0].phrase if features else _pick(rng, self.blueprint.words)
            heading = _pick(rng, HEADINGS).format(name.upper() if rng.random() < 0.6 else _title_case(name))
        return heading + " ".join(sentences)

    def write_description(self) -> str:
        rng = self.rng
        if rng.random() < NO_DESCRIPTION_RATE:
            return ""
        length = rng.lognormvariate(4.45, 0.72)
        share = IN_DESCRIPTION * self.openness
        sentences = [self._write_about(feature) for feature in self.blueprint.features if rng.random() < share]
        if rng.random() < 0.3:
            sentences.insert(0, self._fill(_pick(rng, self.vocabulary.sentences["openers"])))
        length -= sum(sentence.count(" ") + 1 for sentence in sentences)
        while length > 0:
            sentences.append(self._filler())
            length -= sentences[-1].count(" ") + 1
        return " ".join(sentences)

    def _write_about(self, feature: Feature) -> str:
        """Write a sentence that contains the feature's phrase."""
        carrier = self._fresh(self.vocabulary.sentences[feature.kind])
        phrase = feature.phrase
        return carrier.format(x=phrase, X=phrase[0].upper() + phrase[1:], **self.slots)

    def _filler(self) -> str:
        rng, chance = self.rng, self.rng.random()
        if chance < 0.35:
            return self._fill(self._fresh(self.blueprint.family.perks))
        if chance < 0.7:
            return self._fill(self._fresh(self.blueprint.department.sentences))
        if chance < 0.85:
            return self._fill(self._fresh(self.vocabulary.sentences["facts"]))
        return self._write_about(_pick(rng, self.blueprint.family.features))

    def _fresh(self, sentences: Sequence[str]) -> str:
        """Pick a sentence that was not told about this product yet, if a few tries find one."""
        for _ in range(4):
            sentence = _pick(self.rng, sentences)
            if sentence not in self.told:
                break
        self.told.add(sentence)
        return sentence

    def _fill(self, sentence: str) -> str:
        return sentence.format(**self.slots)


Item = TypeVar("Item")
_MEASURES = {"fashion": "pair", "grocery": "pack"}
_LINKS = {"quality": "", "part": "with ", "use": "for "}


def _pick(rng: random.Random, options: Sequence[Item]) -> Item:
    return options[int(rng.random() * len(options))]


def _name_one(blueprint: Blueprint) -> str:
    """Return what one of it is called: "face cream", "pair of ankle socks"."""
    noun = blueprint.noun.lower()
    is_plural = noun.endswith("s") and not noun.endswith(("ss", "us", "lens"))
    return f"{_MEASURES.get(blueprint.department.name, 'set')} of {noun}" if is_plural else noun


def _title_case(phrase: str) -> str:
    return " ".join(word.capitalize() if len(word) > 2 else word for word in phrase.split())


def _last_use(features: Sequence[Feature], rng: random.Random) -> str:
    return _pick(rng, [feature for feature in features if feature.kind == "use"]).phrase
