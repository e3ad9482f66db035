"""A space of texts that takes any Unicode and checks in constant time, known to all of Gymnasium's space functions.

`gymnasium.spaces.Text` refuses 'é', walks every character of every observation, and, held in the shared memory of
`AsyncVectorEnv`, comes back as other text. This one has no fixed alphabet: n texts are a tuple of n strings, a
flattened text is its code points, and shared memory holds the bytes of each text after their number.
"""

import copy
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from ctypes import c_uint8
from typing import Any, overload

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import utils as flattening
from gymnasium.vector import utils as batching
from gymnasium.wrappers.utils import create_zero_array

from webshop_server.allowed_types import check_integer

SAMPLE_WORDS = (
    "look",
    "inventory",
    "go to desk 1",
    "open drawer 1",
    "search[red shoes]",
    "click[next >]",
    "click[buy now]",
    "",
    "naïve café",
    "你好",
    "🙂",
)
MAX_LENGTH = 1_000_000
END_OF_TEXT = 0x110000
"""Fills a flattened text up; no character has this number."""
SHARED_BYTES = 1 << 18
"""Bytes of UTF-8 that shared memory holds of a text; a longer one is refused there."""
_NUMBER_BYTES = 4


class UnicodeText(spaces.Space[str]):
    """All strings of at most `max_length` characters.

    Args:
        max_length: The longest text that belongs to the space, in characters.
        samples: The texts that `sample` draws from; those that are too long are left out.
        seed: Seed of the space's own generator.

    Raises:
        WrongTypeError: `max_length` is no integer.
        ValueError: It is below 0, or no sample is short enough.
    """

    def __init__(
        self,
        max_length: int = MAX_LENGTH,
        samples: Sequence[str] = SAMPLE_WORDS,
        seed: int | np.random.Generator | None = None,
    ) -> None:
        self.max_length = check_integer(max_length, "max_length", 0)
        self.samples = tuple(text for text in samples if len(text) <= self.max_length)
        if not self.samples:
            raise ValueError(f"none of the samples has at most {self.max_length} characters; give samples=[''] for one")
        super().__init__(dtype=str, seed=seed)

    @property
    def is_np_flattenable(self) -> bool:
        """Its code points, filled up to `max_length`, are an array form."""
        return True

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that is short enough."""
        return isinstance(x, str) and len(x) <= self.max_length

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Draw one of the sample texts; masks mean nothing here and are refused."""
        if mask is not None or probability is not None:
            raise ValueError("UnicodeText.sample takes neither mask nor probability; give it None")
        return str(self.samples[self.np_random.integers(len(self.samples))])

    def __eq__(self, other: object) -> bool:
        """Two spaces are equal when they hold the same texts."""
        return isinstance(other, UnicodeText) and other.max_length == self.max_length

    def __hash__(self) -> int:
        """Equal spaces have equal hashes."""
        return hash((type(self).__name__, self.max_length))

    def __repr__(self) -> str:
        """Show how to make the space."""
        return f"UnicodeText({self.max_length})"


def _batch(space: UnicodeText, n: int = 1) -> spaces.Space[Any]:
    batched: spaces.Space[Any] = batching.batch_space.dispatch(spaces.Space)(space, n)
    return batched


def _batch_differing(texts: Sequence[UnicodeText]) -> spaces.Space[Any]:
    return spaces.Tuple([copy.deepcopy(space) for space in texts], seed=copy.deepcopy(texts[0].np_random))


def _concatenate(space: UnicodeText, items: Iterable[str], out: Any) -> tuple[str, ...]:
    return tuple(items)


def _create_empty(space: UnicodeText, n: int = 1, fn: Callable[..., Any] = np.zeros) -> tuple[str, ...]:
    return ("",) * n


def _flatten(space: UnicodeText, x: str) -> np.ndarray[Any, np.dtype[np.int32]]:
    points = np.full(space.max_length, END_OF_TEXT, dtype=np.int32)
    points[: len(x)] = np.frombuffer(x.encode("utf-32-le", "surrogatepass"), dtype="<i4")
    return points


def _unflatten(space: UnicodeText, x: np.ndarray[Any, Any]) -> str:
    return x[x < END_OF_TEXT].astype("<i4").tobytes().decode("utf-32-le", "surrogatepass")


def _flatten_space(space: UnicodeText) -> spaces.Box:
    return spaces.Box(0, END_OF_TEXT, (space.max_length,), np.int32)


class SharedTexts(Sequence[str]):
    """The texts in shared memory as they are now; a deep copy is the tuple of what they are at this moment.

    Args:
        memory: What `create_shared_memory` returned.
        count: How many texts there are.
    """

    def __init__(self, memory: Any, count: int) -> None:
        self._memory, self._count = memory, count

    def __len__(self) -> int:
        """Return the number of texts."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """Read a text."""
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(self._count)))
        slot = _slots(self._memory, self._count)[range(self._count)[index]]
        number = int.from_bytes(slot[:_NUMBER_BYTES].tobytes(), "little")
        content: bytes = slot[_NUMBER_BYTES : _NUMBER_BYTES + number].tobytes()
        return content.decode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        """Compare the texts as they are now with those of another sequence."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """What changes has no hash."""
        raise TypeError("texts in shared memory change; take tuple(...) of them")

    def __repr__(self) -> str:
        """Show the texts as they are now."""
        return f"SharedTexts{tuple(self)}"

    def __reduce__(self) -> tuple[type[tuple[str, ...]], tuple[tuple[str, ...]]]:
        """Outside of the memory only a copy can live."""
        return tuple, (tuple(self),)


def _slot_size(space: UnicodeText) -> int:
    return _NUMBER_BYTES + min(SHARED_BYTES, 4 * space.max_length)


def _slots(memory: Any, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(memory.get_obj(), dtype=np.uint8).reshape(count, -1)


def _create_memory(space: UnicodeText, n: int = 1, ctx: Any = multiprocessing) -> Any:
    return ctx.Array(c_uint8, n * _slot_size(space))


def _read_memory(space: UnicodeText, shared_memory: Any, n: int = 1) -> SharedTexts:
    return SharedTexts(shared_memory, n)


def _write_memory(space: UnicodeText, index: int, value: str, shared_memory: Any) -> None:
    content = value.encode("utf-8", "surrogatepass")
    size = _slot_size(space)
    if _NUMBER_BYTES + len(content) > size:
        raise ValueError(
            f"a text of {len(content):,} bytes does not fit the {size - _NUMBER_BYTES:,} bytes that shared memory holds"
            " for it; make the vector with shared_memory=False"
        )
    slot = _slots(shared_memory, len(shared_memory) // size)[index]
    numbered = len(content).to_bytes(_NUMBER_BYTES, "little") + content
    slot[: len(numbered)] = np.frombuffer(numbered, dtype=np.uint8)


def _register() -> None:
    """Tell Gymnasium's functions of the space.

    `iterate` is left out on purpose: one text holds no texts, and a tuple of spaces that it does not know is iterated
    text by text, which is what a batch of texts needs.
    """
    known: dict[Any, Callable[..., Any]] = {
        batching.batch_space: _batch,
        batching.batch_differing_spaces: _batch_differing,
        batching.concatenate: _concatenate,
        batching.create_empty_array: _create_empty,
        batching.create_shared_memory: _create_memory,
        batching.read_from_shared_memory: _read_memory,
        batching.write_to_shared_memory: _write_memory,
        create_zero_array: lambda space: "",
        flattening.flatdim: lambda space: space.max_length,
        flattening.flatten: _flatten,
        flattening.unflatten: _unflatten,
        flattening.flatten_space: _flatten_space,
        flattening.is_space_dtype_shape_equiv: lambda space, other: space == other,
    }
    # Gymnasium from 1.4 on asks for the type of a flattened space before it flattens a tuple.
    if hasattr(flattening, "_flat_dtype"):
        known[flattening._flat_dtype] = lambda space: np.dtype(np.int32)
    for function, ours in known.items():
        function.register(UnicodeText, ours)


_register()
