"""Field lengths in one byte, as Lucene keeps them: exact below 40, then four significant bits."""

from __future__ import annotations

NUM_EXACT = 24
_NUM_BITS_KEPT = 4


def encode_length(length: int) -> int:
    """Return the code 0 .. 255 of a length."""
    return length if length < NUM_EXACT else NUM_EXACT + _pack(length - NUM_EXACT)


def decode_length(code: int) -> int:
    """Return the length that a code stands for: the largest not above the one encoded."""
    return code if code < NUM_EXACT else NUM_EXACT + _unpack(code - NUM_EXACT)


def _pack(value: int) -> int:
    shift = value.bit_length() - _NUM_BITS_KEPT
    return value if shift < 0 else (value >> shift) & 0x07 | (shift + 1) << 3


def _unpack(code: int) -> int:
    shift = (code >> 3) - 1
    return code & 0x07 if shift < 0 else (code & 0x07 | 0x08) << shift
