"""Goals in people's own words, as ALFRED's annotators wrote them, read by keywords.

The phrases were collected from the goals of training tasks. A phrase of several types lists them in the order of the
tables, which is that of likelihood.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from hiper_envs.task_types import TaskKind

THINGS = {
    "alarmclock": "alarm clock, clock, alarm",
    "apple": "apple, fruit",
    "book": "book, novel, textbook",
    "bowl": "bowl, dish",
    "box": "box, cardboard box, container",
    "bread": "bread, loaf, loaf of bread",
    "butterknife": "butter knife",
    "cd": "cd, disc, disk, compact disc, dvd",
    "candle": "candle, candlestick",
    "cellphone": "cell phone, phone, cellphone, mobile phone, smartphone, smart phone, mobile",
    "cloth": "cloth, rag, wash cloth, washcloth, towel, dish cloth, hand towel",
    "creditcard": "credit card, card, debit card, bank card",
    "mug": "mug, coffee mug, coffee cup, cup, tea cup, cup of coffee",
    "cup": "cup, glass, goblet, drinking glass, glass cup, wine glass, chalice",
    "dishsponge": "dish sponge, sponge, scrubber",
    "egg": "egg",
    "fork": "fork",
    "glassbottle": "glass bottle, bottle, vase, glass, milk jug, jug",
    "handtowel": "hand towel, towel",
    "kettle": "kettle, tea kettle, teapot, tea pot, pot",
    "keychain": "key chain, keychain, key, set of key, pair of key, key ring",
    "knife": "knife, chef knife, kitchen knife, butcher knife",
    "ladle": "ladle, large spoon, big spoon, serving spoon, spoon",
    "laptop": "laptop, computer, laptop computer, notebook",
    "lettuce": "lettuce, head of lettuce, cabbage, head of cabbage",
    "newspaper": "newspaper, news paper, paper",
    "pan": "pan, frying pan, skillet, saucepan, fry pan",
    "papertowel": "paper towel",
    "pen": "pen",
    "pencil": "pencil, pen",
    "peppershaker": "pepper shaker, pepper, pepper grinder, pepper mill, shaker",
    "pillow": "pillow, cushion, throw pillow",
    "plate": "plate, dish, saucer",
    "plunger": "plunger",
    "pot": "pot, cooking pot, saucepan, stock pot",
    "potato": "potato, spud",
    "remotecontrol": "remote control, remote, tv remote, controller, television remote",
    "saltshaker": "salt shaker, salt, shaker",
    "soapbar": "bar of soap, soap bar, soap",
    "soapbottle": "soap bottle, bottle of soap, soap dispenser, hand soap, lotion, lotion bottle, pump bottle, "
    "dispenser, bottle of lotion, soap pump",
    "spatula": "spatula, turner, flipper",
    "spoon": "spoon",
    "spraybottle": "spray bottle, bottle of cleaner, cleaner, bottle, spray, cleaning spray, bottle of spray",
    "statue": "statue, figurine, sculpture, trophy, ornament, statuette",
    "tissuebox": "tissue box, box of tissue, box of tissue paper, tissue, kleenex, kleenex box",
    "toiletpaper": "toilet paper, roll of toilet paper, toilet paper roll, roll, tube, toilet roll, cardboard tube, "
    "paper roll, empty roll",
    "tomato": "tomato",
    "vase": "vase, pot",
    "watch": "watch, wrist watch, wristwatch",
    "wateringcan": "watering can, watering pitcher, water can, pitcher",
    "winebottle": "wine bottle, bottle of wine, wine, bottle",
}
"""Type -> phrases, the singular of each."""

PLACES = {
    "armchair": "arm chair, armchair, chair, recliner, seat",
    "bathtubbasin": "bath tub, bathtub, tub",
    "bed": "bed, mattress",
    "cabinet": "cabinet, cupboard, under the sink, below the sink, kitchen cabinet",
    "cart": "cart, rack, trolley, metal rack, wire rack",
    "coffeemachine": "coffee machine, coffee maker, coffeemaker, coffee pot",
    "countertop": "counter top, countertop, counter, kitchen island, island, vanity, sink counter, bathroom counter",
    "diningtable": "dining table, table, kitchen table, dining room table, counter top",
    "coffeetable": "coffee table, table",
    "sidetable": "side table, night stand, nightstand, end table, bedside table, table, bed side table, night table, "
    "stand, shelving unit, cabinet",
    "desk": "desk, table, computer desk",
    "drawer": "drawer, desk drawer",
    "dresser": "dresser, bureau, chest of drawer, tv stand, desk, chest",
    "fridge": "fridge, refrigerator, freezer, refrigerate",
    "garbagecan": "garbage can, trash can, trash, garbage, bin, trashcan, trash bin, garbage bin, waste basket, "
    "wastebasket, waste bin, throw away, recycling bin, recycle bin, trash bucket, waste basket, dustbin, rubbish bin, "
    "throw out, throw",
    "handtowelholder": "towel holder, towel rack, hook",
    "laundryhamper": "hamper, laundry hamper, laundry basket",
    "microwave": "microwave, microwave oven",
    "ottoman": "ottoman, foot stool, footstool, stool",
    "safe": "safe",
    "shelf": "shelf, rack, shelving unit, shelving, wooden rack, ledge",
    "sinkbasin": "sink, basin",
    "sofa": "sofa, couch, loveseat, love seat, settee",
    "stoveburner": "stove, burner, stove top, stovetop, stove burner, oven, oven burner, range",
    "toilet": "toilet, toilet tank, back of the toilet, tank",
    "toiletpaperhanger": "toilet paper holder, toilet paper hanger, toilet paper roll holder, toilet paper dispenser, "
    "roll holder, holder, dispenser, toilet roll holder, hanger",
    "towelholder": "towel holder, towel rack, towel bar",
    "tvstand": "tv stand, television stand, tv table, entertainment center",
}
"""Type -> phrases, the singular of each."""

KIND_CUES: Sequence[tuple[TaskKind, str]] = (
    ("look_at", "lamp|lamps|lamplight|light|lit"),
    (
        "clean",
        "clean|cleaned|cleaning(?! spray)|wash(?! cloth| towel)|washed|washing|rinsed?|rinsing|wet|soak|soaked|fill",
    ),
    ("heat", "heat|heated|heating|hot|warm|warmed|warming|cook|cooked|cooking|microwaved"),
    ("cool", "cools?|cooled|cooling|cold|chill|chilled|chilling|refrigerated?|frozen"),
    ("pick_two", "two|2|both"),
)
"""The words that give a kind of task away, the first that fits."""
WORDS_BEFORE = r"(?: (?!to|in|into|on|onto|and|then|it)\w+){0,3}$"
LANDMARK = re.compile(
    r"\b(?:from|off|out of|(?:left|right|side|front|close|closer|near|nearer|next) (?:of|to)|"
    r"by|near|beside|behind|above|over)" + WORDS_BEFORE
)
"""What comes before furniture that only says where something else is."""
TARGET = re.compile(r"\b(?:to|into|onto)" + WORDS_BEFORE)
"""What comes before furniture to which something is brought."""
TOOLS: Mapping[TaskKind, str] = {"clean": "sinkbasin", "heat": "microwave", "cool": "fridge"}


class Goal(NamedTuple):
    """What was understood: the kind of task, the types that may be meant, the likeliest first."""

    kind: TaskKind
    things: tuple[str, ...]
    places: tuple[str, ...]


class Mention(NamedTuple):
    """A phrase of the tables, by the words of a text that it takes."""

    start: int
    end: int
    things: tuple[str, ...]
    places: tuple[str, ...]


def read_goal(sentence: str) -> Goal:
    """Understand a goal as well as its words allow; nothing understood gives no types."""
    words = re.findall(r"[a-z0-9]+", sentence.lower())
    text = " ".join(words)
    mentions = list(_find_mentions([_make_singular(word) for word in words]))
    starts = {each.start for each in mentions}
    # Of two in a row the second is meant: "desk drawer", "couch pillows".
    mentions = [each for each in mentions if each.end not in starts or each.things]
    thing = next((each for each in mentions if each.things), None)
    places = [each for each in mentions if each.places and each is not thing]
    before = {place: " ".join(words[: place.start]) for place in places}
    ends = [place for place in places if not LANDMARK.search(before[place])]
    ends.sort(key=lambda place: not TARGET.search(before[place]))
    kind: TaskKind = next((kind for kind, cue in KIND_CUES if re.search(rf"\b(?:{cue})\b", text)), "pick")
    if kind == "pick" and len(ends) > 1:
        kind = next((treatment for treatment, tool in TOOLS.items() if ends[0].places[0] == tool), "pick")
    if kind == "pick" and thing is not None and _is_plural(words[thing.end - 1]) and thing.things[0] != "keychain":
        kind = "pick_two"
    found = thing.things if thing is not None else ()
    return Goal(kind, found, ("desklamp",) if kind == "look_at" else _choose_place(kind, ends, places))


def _choose_place(kind: TaskKind, ends: Sequence[Mention], places: Sequence[Mention]) -> tuple[str, ...]:
    """Return the first furniture that is neither a landmark nor the tool of the treatment, if any is neither."""
    for place in (*ends, *reversed(places)):
        if place.places[0] != TOOLS.get(kind):
            return place.places
    return places[0].places if places else ()


def _is_plural(word: str) -> bool:
    return _make_singular(word) != word


def _find_mentions(words: Sequence[str]) -> Iterator[Mention]:
    """Yield the phrases of a text from left to right, at each word the longest."""
    phrases = _list_phrases()
    longest = max(map(len, phrases))
    start = 0
    while start < len(words):
        sizes = range(min(longest, len(words) - start), 0, -1)
        size = next((size for size in sizes if tuple(words[start : start + size]) in phrases), 0)
        if size:
            yield Mention(start, start + size, *phrases[tuple(words[start : start + size])])
        start += max(size, 1)


@cache
def _list_phrases() -> Mapping[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return phrase, as a tuple of words -> the types of things and the types of furniture that it may mean."""
    found: dict[tuple[str, ...], tuple[dict[str, None], dict[str, None]]] = {}
    for column, table in enumerate((THINGS, PLACES)):
        # A type's own name means it first of all.
        named = [(kind, kind) for kind in table]
        meant = [(phrase, kind) for kind, phrases in table.items() for phrase in phrases.split(", ")]
        for phrase, kind in named + meant:
            found.setdefault(tuple(phrase.split()), ({}, {}))[column][kind] = None
    return {phrase: (tuple(things), tuple(places)) for phrase, (things, places) in found.items()}


def _make_singular(word: str) -> str:
    if word.endswith("ves"):
        return {"knives": "knife", "shelves": "shelf", "loaves": "loaf"}.get(word, word[:-1])
    if word.endswith(("oes", "xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us")) else word
