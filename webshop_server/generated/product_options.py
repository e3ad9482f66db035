"""Option groups of generated products: colours, sizes, flavours and so on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from webshop_server.generated.vocabulary import Vocabulary

OPTION_TITLES = {
    "color": "Color",
    "size": "Size",
    "style": "Style",
    "scent": "Scent",
    "flavor": "Flavor Name",
    "fit type": "Fit Type",
}
MAX_VALUES = 50
Profile = Callable[[random.Random, Vocabulary, int], Sequence[str]]


def draw_options(
    rng: random.Random, vocabulary: Vocabulary, profiles: Mapping[str, tuple[str, float]]
) -> dict[str, list[str]]:
    """Draw the option groups of a product that has options.

    Args:
        rng: Where chance comes from.
        vocabulary: The lists of values.
        profiles: A family's groups: name -> (profile, chance).

    Returns:
        Group title -> distinct values in the order shown; at least one group.
    """
    chosen = [name for name, (_, chance) in profiles.items() if rng.random() < chance]
    if not chosen:
        chosen = [max(profiles, key=lambda name: profiles[name][1])]
    return {OPTION_TITLES[name]: draw_values(rng, vocabulary, profiles[name][0]) for name in chosen}


def draw_values(rng: random.Random, vocabulary: Vocabulary, profile: str) -> list[str]:
    """Draw the values of one group; 2 to 50 of them, mostly 3 to 6.

    Args:
        rng: Where chance comes from.
        vocabulary: The words to draw from.
        profile: Name of the kind of option ("color"), as the word lists have it.
    """
    count = min(MAX_VALUES, max(2, round(rng.lognormvariate(1.47, 0.76))))
    return list(dict.fromkeys(_PROFILES[profile](rng, vocabulary, count)))


def _pick(rng: random.Random, values: Sequence[str]) -> str:
    return values[int(rng.random() * len(values))]


def _some(rng: random.Random, values: Sequence[str], count: int) -> list[str]:
    return rng.sample(values, min(count, len(values)))


def _colors(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    values = vocabulary.values
    names = _some(rng, values["plain_colors"], count)
    return [f"{_pick(rng, values['color_modifiers'])} {name}" if rng.random() < 0.25 else name for name in names]


def _prints(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    """Return colours as clothes sellers write them: plain, coded, two-toned, motifs."""
    style = rng.random()
    plain = vocabulary.values["plain_colors"]
    if style < 0.5:
        return _colors(rng, vocabulary, count)
    if style < 0.75:
        letter = _pick(rng, ("A", "B", "C", "D", "Z"))
        numbered = rng.random() < 0.7
        return [f"{letter}{n + 1 if numbered else ''}-{_pick(rng, plain).lower()}" for n in range(count)]
    if style < 0.86:
        return [f"{_pick(rng, plain)}/{_pick(rng, plain)}" for _ in range(count)]
    motifs = _some(rng, vocabulary.values["motifs"], count)
    return [f"{motif} {_pick(rng, plain)}" if rng.random() < 0.3 else motif for motif in motifs]


def _codes(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    if rng.random() < 0.5:
        return _colors(rng, vocabulary, count)
    stem = _pick(rng, ("Style", "Type", "Pattern", "Design", "No.", "#"))
    numbers = rng.sample(range(1, 60), count)
    return [f"{stem} {number}" if stem != "#" else f"#{number:02d}" for number in numbers]


def _patterns(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    return _prints(rng, vocabulary, count) if rng.random() < 0.4 else _codes(rng, vocabulary, count)


def _artworks(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    if rng.random() < 0.5:
        return [f"Artwork - {number:02d}" for number in rng.sample(range(1, 60), count)]
    return _some(rng, vocabulary.values["subjects"], count)


def _clothing(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    sizes = vocabulary.values["clothing_sizes"]
    start = int(rng.random() * 3)
    end = max(start + 2, len(sizes) - int(rng.random() * 5))
    return list(sizes[start:end])


def _shoe_sizes(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    first = 5 + int(rng.random() * 4)
    half = rng.random() < 0.5
    sizes = [f"{first + n / (2 if half else 1):g}" for n in range(max(4, count))]
    return [f"{size} Wide" if half and rng.random() < 0.08 else size for size in sizes]


def _waists(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    if rng.random() < 0.5:
        return _clothing(rng, vocabulary, count)
    lengths = rng.sample((28, 30, 32, 34), 2)
    return [f"{28 + 2 * n}W x {length}L" for length in lengths for n in range(max(2, count // 2))]


def _volumes(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    unit = _pick(rng, ("Fl Oz (Pack of {})", "Ounce (Pack of {})", "Ounce", "ML", "Oz"))
    amounts = rng.sample((0.5, 1, 1.7, 2, 3.4, 4, 5, 6.8, 8, 10, 12, 16, 24, 32), min(count, 6))
    scale = 30 if unit == "ML" else 1
    return [f"{amount * scale:g} {unit.format(_pick(rng, ('1', '1', '2', '3')))}" for amount in amounts]


def _packs(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    amount = _pick(rng, ("1.5", "2.8", "4", "6", "8", "12", "16", "25"))
    unit = _pick(rng, ("Ounce", "Ounce", "Pound", "Fl Oz"))
    if rng.random() < 0.5:
        return [
            f"{amount} {unit} (Pack of {number})" for number in rng.sample((1, 2, 3, 4, 6, 8, 12, 24), min(count, 8))
        ]
    return [f"{number} {unit}" for number in rng.sample((1, 2, 3, 5, 8, 10, 12, 16, 24, 32), min(count, 10))]


def _dimensions(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    first, step = 8 + int(rng.random() * 30), 2 + int(rng.random() * 8)
    pattern = _pick(rng, ('{}" x {}"', "{}x{} inch", "{} x {} In", "{} W x {} L", "{}*{}cm"))
    return [pattern.format(first + n * step, first + n * step + 6 + int(rng.random() * 12)) for n in range(count)]


def _textiles(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    return _beds(rng, vocabulary, count) if rng.random() < 0.35 else _dimensions(rng, vocabulary, count)


def _beds(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    return _some(rng, vocabulary.values["bed_sizes"], min(count, 6))


def _models(rng: random.Random, vocabulary: Vocabulary, count: int) -> list[str]:
    return _some(rng, vocabulary.values["styles"], min(count, 6))


def _from_list(name: str) -> Profile:
    return lambda rng, vocabulary, count: _some(rng, vocabulary.values[name], count)


def _counted(pattern: str, numbers: Sequence[float]) -> Profile:
    return lambda rng, vocabulary, count: [
        pattern.format(number) for number in sorted(rng.sample(numbers, min(count, len(numbers))))
    ]


_PROFILES: dict[str, Profile] = {
    "artwork": _artworks,
    "band": _from_list("band_sizes"),
    "bed": _beds,
    "clothing": _clothing,
    "code": _codes,
    "color": _colors,
    "count": _counted("{} Count", (1, 2, 3, 4, 5, 6, 8, 10, 12, 20, 24, 50, 100)),
    "dimensions": _dimensions,
    "feet": _counted("{} Feet", (1, 3, 6, 10, 15, 20, 25, 30, 50, 75, 100)),
    "finish": _from_list("finishes"),
    "fit": _from_list("fits"),
    "flavor": _from_list("flavors"),
    "furnish": _from_list("finishes"),
    "inches": _counted("{} Inch", (8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 32, 40, 43, 55)),
    "lights": _counted("{}-Light", (1, 2, 3, 4, 5, 6, 8)),
    "magnification": _counted("{}x", (6, 8, 10, 12, 15, 20, 25)),
    "memory": _counted("{} GB", (4, 8, 16, 32, 64, 128, 256, 512)),
    "model": _models,
    "occasion": _from_list("occasions"),
    "pack": _packs,
    "pattern": _patterns,
    "phone": _from_list("phones"),
    "plain": _colors,
    "print": _prints,
    "scent": _from_list("scents"),
    "screen": _counted("{} inch 16:9", (60, 72, 84, 100, 106, 120, 135, 150)),
    "seats": _counted("{} Seat", (1, 2, 3, 4, 5)),
    "sets": _counted("Set of {}", (1, 2, 4, 6, 8)),
    "shade": _from_list("shades"),
    "shoe": _shoe_sizes,
    "textile": _textiles,
    "thick": _counted("{} Inch Thick", (6, 8, 10, 12, 14)),
    "thickness": _counted("{:.2f}mm", (0.03, 0.05, 0.07, 0.1, 0.12, 0.15, 0.18, 0.2)),
    "volume": _volumes,
    "waist": _waists,
}
