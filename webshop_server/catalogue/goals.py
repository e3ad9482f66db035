"""Goals: what a customer wants, in the original's order, with prices drawn from a seed."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from webshop_server.allowed_names import check_choice
from webshop_server.product import Instruction, Product

DEFAULT_PRICE_SEED = 0
KINDS = ("synthetic", "human")
SPLITS = ("train", "eval", "test", "all", "train_disjoint", "eval_disjoint", "test_disjoint")
NO_PRICE_LIMIT = 1_000_000.0
ORDER_SEED = 233
_PRICE_LIMITS = [10.0 * step for step in range(1, 100)]
_NUM_LIMITS_OFFERED = 4
_TEST_STOP, _EVAL_STOP = 500, 1500
_ONE_IN_TEST_DISJOINT = 10
_ONE_IN_EVAL_DISJOINT = 10


@dataclass(frozen=True, slots=True)
class Goal:
    """What a customer wants.

    Attributes:
        asin: The product it was made from.
        instruction: The text that the customer says, without "Instruction: ".
        attributes: Wanted properties.
        options: Wanted option values: by option name (synthetic), or as a bare list (human).
        price_upper: The price must not be above this, in dollars.
        weight: How often it is drawn, relative to others.
        query: The product's query.
        category: The product's department.
        product_category: The product's path of categories.
        name: The product's title.
        title_nouns: The title's nouns, repeats kept.
    """

    asin: str
    instruction: str
    attributes: list[str]
    options: dict[str, str] | list[str]
    price_upper: float
    weight: float
    query: str
    category: str
    product_category: str
    name: str
    title_nouns: tuple[str, ...]

    @property
    def price_clause(self) -> str:
        """The end of the instruction that tells the price limit, "" without a limit."""
        return write_price_clause(self.price_upper)


def write_price_clause(limit: float) -> str:
    """Return how an instruction tells its price limit in dollars, "" for no limit."""
    return f", and price lower than {limit:.2f} dollars" if limit < NO_PRICE_LIMIT else ""


def draw_prices(pricing: NDArray[np.float64], generator: random.Random) -> NDArray[np.float64]:
    """Return each product's price; of two, one drawn between them, in file order.

    Args:
        pricing: Shape (products, 2): a single price and NaN, or the lowest and the highest.
        generator: Where the draws come from.
    """
    prices: NDArray[np.float64] = pricing[:, 0].copy()
    for number in np.flatnonzero(~np.isnan(pricing[:, 1])).tolist():
        prices[number] = generator.uniform(float(pricing[number, 0]), float(pricing[number, 1]))
    return prices


def draw_price_limit(price: float, generator: random.Random) -> float:
    """Return a limit above `price`: the larger of two drawn from the next four tens, none near 1000 dollars."""
    first = max(0, math.floor(price / 10.0) - 1)
    offered = [limit for limit in _PRICE_LIMITS[first : first + _NUM_LIMITS_OFFERED + 2] if limit > price]
    offered = offered[:_NUM_LIMITS_OFFERED]
    return max(generator.sample(offered, 2)) if len(offered) > 1 else NO_PRICE_LIMIT


def count_combinations(product: Product) -> int:
    """Return how many synthetic goals a product has: one for each choice of all its options."""
    return math.prod(len(values) for values in product.options.values())


class GoalSource:
    """The goals of one kind and price seed, made one at a time from the product when asked for.

    Bearers are the instructions in file order: (product number, which of its instructions); a synthetic bearer has
    one goal for each combination of options, a human bearer one goal.

    Args:
        kind: "synthetic" or "human".
        bearers: Shape (bearers, 3): product number, instruction number, number of goals.
        weights: Weight of each bearer's goals.
        price_limits: Price limit of each bearer's goals, in dollars.
        order: For each position the goal there, counted through the bearers; see `shuffle_goals`.
        read_product: Gives the product of a number.
        list_asins: Gives the asins, as bytes, of an array of numbers.
    """

    def __init__(
        self,
        kind: str,
        bearers: NDArray[np.uint32],
        weights: NDArray[np.float64],
        price_limits: NDArray[np.float64],
        order: NDArray[np.uint32],
        read_product: Callable[[int], Product],
        list_asins: Callable[[NDArray[np.uint32]], list[bytes]],
    ) -> None:
        self.kind = kind
        self.bearers, self.weights, self.price_limits = bearers, weights, price_limits
        self.order = order
        self._read_product, self._list_asins = read_product, list_asins
        self.starts = np.zeros(len(bearers) + 1, dtype=np.int64)
        np.cumsum(bearers[:, 2], out=self.starts[1:])

    def make(self, position: int) -> Goal:
        """Return the goal at a position of the shuffled order."""
        goal = int(self.order[position])
        bearer = int(np.searchsorted(self.starts, goal, side="right")) - 1
        product = self._read_product(int(self.bearers[bearer, 0]))
        weight, limit = float(self.weights[bearer]), float(self.price_limits[bearer])
        options: dict[str, str] | list[str]
        if self.kind == "human":
            instruction = product.human[int(self.bearers[bearer, 1])]
            text, options = instruction.text.strip("."), list(instruction.options)
        else:
            instruction = _take_synthetic(product)
            options = _pick_combination(product, goal - int(self.starts[bearer]))
            text = instruction.text + _describe_options(options)
        return Goal(
            asin=product.asin,
            instruction=text + write_price_clause(limit),
            attributes=list(instruction.attributes),
            options=options,
            price_upper=limit,
            weight=weight,
            query=product.query,
            category=product.category,
            product_category=product.product_category,
            name=product.title,
            title_nouns=product.title_nouns,
        )

    def list_positions(self, split: str) -> NDArray[np.uint32]:
        """Return the positions of a split, in order.

        "train_disjoint" and "test_disjoint" share no product and make up all goals; "eval_disjoint" is the part of
        "train_disjoint" by which settings are chosen, again of whole products.

        Raises:
            ValueError: the split is unknown.
        """
        check_choice(split, SPLITS, "split")
        positions = np.arange(len(self.order), dtype=np.uint32)
        if split == "test":
            return positions[:_TEST_STOP]
        if split == "eval":
            return positions[_TEST_STOP:_EVAL_STOP]
        if split == "train":
            return positions[_EVAL_STOP:]
        if split == "all":
            return positions
        belongs = _BELONGS_TO_SPLIT[split]
        chosen = np.array([belongs(asin) for asin in self._list_asins(self.bearers[:, 0])], dtype=bool)
        disjoint: NDArray[np.uint32] = positions[self._spread(chosen)]
        return disjoint

    def list_weights(self, positions: NDArray[np.uint32]) -> NDArray[np.float64]:
        """Return the weights of the goals at these positions."""
        weights: NDArray[np.float64] = self._spread(self.weights)[positions]
        return weights

    def list_products(self, positions: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the numbers of the products that the goals at these positions were made from."""
        products: NDArray[np.uint32] = self._spread(self.bearers[:, 0])[positions]
        return products

    def list_cells(self) -> NDArray[np.uint32]:
        """Return a number for each position: two goals have the same one exactly if they lie in the same splits."""
        cells = np.zeros(len(self.order), dtype=np.uint32)
        for number, split in enumerate(SPLITS):
            cells[self.list_positions(split)] |= np.uint32(1 << number)
        return cells

    def _spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values of the bearers for each goal in order."""
        spread: NDArray[Any] = np.repeat(values, self.bearers[:, 2])[self.order]
        return spread


def shuffle_goals(num_goals: int) -> NDArray[np.uint32]:
    """Return the numbers 0 to `num_goals` - 1 in the order in which the original shuffles its goals."""
    order = array("I", range(num_goals))
    random.Random(ORDER_SEED).shuffle(order)
    return np.frombuffer(order, dtype=np.uint32)


def is_in_test_disjoint(asin: bytes) -> bool:
    """Return whether a product's goals belong to the disjoint test split (one product in ten, by its asin alone)."""
    return zlib.crc32(asin) % _ONE_IN_TEST_DISJOINT == 0


def is_in_eval_disjoint(asin: bytes) -> bool:
    """Return whether a product's goals belong to the disjoint evaluation split: one in ten of the training products.

    The hash is of another kind than the test split's: checksums of a text and of the text with a prefix go together.
    """
    number = int.from_bytes(hashlib.sha256(asin).digest()[:8], "big")
    return number % _ONE_IN_EVAL_DISJOINT == 0 and not is_in_test_disjoint(asin)


_BELONGS_TO_SPLIT: Mapping[str, Callable[[bytes], bool]] = {
    "train_disjoint": lambda asin: not is_in_test_disjoint(asin),
    "eval_disjoint": is_in_eval_disjoint,
    "test_disjoint": is_in_test_disjoint,
}


class Goals(Sequence[Goal]):
    """The goals of a catalogue in the original's shuffled order; position = the original's goal index."""

    def __init__(self, source: GoalSource) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source.order)

    @overload
    def __getitem__(self, position: int) -> Goal: ...
    @overload
    def __getitem__(self, position: slice) -> list[Goal]: ...
    def __getitem__(self, position: int | slice) -> Goal | list[Goal]:
        if isinstance(position, slice):
            return [self.source.make(index) for index in range(*position.indices(len(self)))]
        index = range(len(self))[position]
        return self.source.make(index)


def weigh_synthetic(instructions: Sequence[Instruction], num_goals: Sequence[int]) -> list[float]:
    """Return each instruction's weight: the mean of 1 / (goals that want the attribute) over its attributes."""
    counts: Counter[str] = Counter()
    for instruction, count in zip(instructions, num_goals, strict=True):
        for attribute in instruction.attributes:
            counts[attribute] += count
    return [
        sum(1.0 / counts[attribute] for attribute in instruction.attributes) / len(instruction.attributes)
        if count
        else 0.0
        for instruction, count in zip(instructions, num_goals, strict=True)
    ]


def _take_synthetic(product: Product) -> Instruction:
    if product.synthetic is None:
        raise LookupError(f"product {product.asin} has no synthetic instruction")
    return product.synthetic


def _pick_combination(product: Product, index: int) -> dict[str, str]:
    """Return the combination of option values at `index`; the last of the sorted names changes fastest."""
    names = sorted(product.options)
    chosen: list[str] = []
    for name in reversed(names):
        index, choice = divmod(index, len(product.options[name]))
        chosen.append(product.options[name][choice])
    return dict(zip(names, reversed(chosen), strict=True))


def _describe_options(options: Mapping[str, str]) -> str:
    text = ", and ".join(itertools.starmap("{}: {}".format, options.items()))
    return f" with {text}" if text else ""


def draw_all(
    pricing: NDArray[np.float64], bearers: NDArray[np.uint32], price_seed: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the prices of all products and the price limit of each bearer, drawn in the original's order.

    Args:
        pricing: Prices in dollars as `draw_prices` takes them, shape (products, 2).
        bearers: Shape (bearers, 3); the first column is the position of the product whose goals get the limit.
        price_seed: Seed of the draws.
    """
    generator = random.Random(price_seed)
    prices = draw_prices(pricing, generator)
    wanted = prices[bearers[:, 0]].tolist()
    limits = np.array([draw_price_limit(price, generator) for price in wanted], dtype=np.float64)
    return prices, limits
