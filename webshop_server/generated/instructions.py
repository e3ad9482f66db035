"""Instructions for generated products: the shop's template, and people's words."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from webshop_server.generated.vocabulary import Feature, Vocabulary


def write_instruction(query: str, features: Sequence[Feature]) -> tuple[str, list[str]]:
    """Write the template's instruction.

    Args:
        query: The shop's query word, the noun of the sentence.
        features: At least one.

    Returns:
        The instruction without options and price, and its attributes in the order in which it names them.
    """
    groups = {
        kind: [feature.attribute for feature in features if feature.kind == kind] for kind in ("quality", "part", "use")
    }
    text = "Find me " + ", ".join(groups["quality"]) + (" " if groups["quality"] else "") + query
    text += f" with {', '.join(groups['part'])}" if groups["part"] else ""
    text += f" for {', '.join(groups['use'])}" if groups["use"] else ""
    return text, [*groups["quality"], *groups["part"], *groups["use"]]


def write_human_instruction(
    rng: random.Random,
    vocabulary: Vocabulary,
    noun: str,
    features: Sequence[Feature],
    options: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Write what a person might ask for.

    Args:
        rng: Where chance comes from.
        vocabulary: The phrasings.
        noun: What the person calls the product.
        features: What the product lists; at least one.
        options: The product's option groups.

    Returns:
        instruction, instruction_attributes and instruction_options, as `items_human_ins.json` has them.
    """
    wanted = rng.sample(list(features), min(len(features), 1 + (rng.random() < 0.4) + (rng.random() < 0.12)))
    chosen = {name: _pick(rng, values) for name, values in options.items() if rng.random() < 0.72}
    before = [feature for feature in wanted if feature.kind == "quality" and rng.random() < 0.55]
    phrases = [_link(rng, vocabulary, feature) for feature in wanted if feature not in before]
    named = [_say_option(rng, vocabulary, name, value) for name, value in chosen.items()]
    tails = phrases + named
    rng.shuffle(tails)
    adjectives = ", ".join(_reword(rng, vocabulary, feature.phrase) for feature in before)
    thing = f"{adjectives} {noun.lower()}".strip()
    article = _pick(rng, ("", "", "some ")) if noun.endswith("s") else ("an " if thing[0] in "aeiou" else "a ")
    text = f"{_pick(rng, vocabulary.phrasings['starts'])} {article}{thing}"
    for tail in tails:
        joint = _pick(rng, (" ", " ", " ", ", ", " and "))
        text += joint + (tail.removeprefix("and ") if joint == " and " else tail)
    text += _pick(rng, vocabulary.phrasings["ends"])
    return {
        "instruction": text.lower() + _pick(rng, (".", ".", "")),
        "instruction_attributes": [feature.attribute for feature in wanted],
        "instruction_options": [value.lower() for value in chosen.values()],
    }


def _link(rng: random.Random, vocabulary: Vocabulary, feature: Feature) -> str:
    links = vocabulary.phrasings[f"{feature.kind}_links"]
    return str(_pick(rng, links)).format(x=_reword(rng, vocabulary, feature.phrase))


def _reword(rng: random.Random, vocabulary: Vocabulary, phrase: str) -> str:
    """Say a phrase in other words now and then."""
    if rng.random() < 0.3:
        for usual, other in vocabulary.phrasings["synonyms"]:
            if usual in phrase:
                return phrase.replace(f" {usual}" if other[0] == "-" else usual, other)
    return phrase


def _say_option(rng: random.Random, vocabulary: Vocabulary, name: str, value: str) -> str:
    """Name an option's value, sometimes loosely: without its code or unit."""
    said = value.lower()
    if rng.random() < 0.3:
        said = said.split("-")[-1].split(" (")[0].strip(' "') or said
    return str(_pick(rng, vocabulary.phrasings["option_links"])).format(k=name.lower().removesuffix(" name"), v=said)


def _pick(rng: random.Random, options: Sequence[Any]) -> Any:
    return options[int(rng.random() * len(options))]
