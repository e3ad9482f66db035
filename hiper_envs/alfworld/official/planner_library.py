"""Copies of the official engine's planner library, lent out one per engine and taken back.

The library keeps its game in global variables, so each engine needs a copy of its own, and unloading one crashes the
process at its end. A copy is therefore made only when all others are in use, and it is kept for the next engine.
"""

import ctypes
import struct
import tempfile
import threading
from pathlib import Path

# The functions that the engine calls and what they return; C's default is int.
RETURN_TYPES = {
    "load_sas": None,
    "load_sas_replan": None,
    "cleanup": None,
    "get_applicable_operators": None,
    "get_state": None,
    "check_goal": ctypes.c_bool,
}
ELF_MAGIC = b"\x7fELF\x02\x01"
LOADED_SEGMENT = 1


class LibraryPool:
    """Lends copies of one shared library.

    Args:
        path: The library.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_copies = 0
        self._free: list[ctypes.CDLL] = []
        self._lock = threading.Lock()

    def acquire(self) -> ctypes.CDLL:
        """Return a copy that nobody else uses."""
        with self._lock:
            if self._free:
                return self._free.pop()
            self.num_copies += 1
        return load_copy(self.path)

    def release(self, library: ctypes.CDLL) -> None:
        """Take a copy back; its game is forgotten."""
        library.cleanup()
        with self._lock:
            self._free.append(library)


def load_copy(path: Path) -> ctypes.CDLL:
    """Load a library as if it had never been loaded before; no file is left behind.

    Raises:
        OSError: The library cannot be read, copied or loaded.
    """
    content = path.read_bytes()
    with tempfile.TemporaryDirectory(prefix="hiper-planner-") as folder:
        copy = Path(folder, path.name)
        copy.write_bytes(content[: measure_loaded_part(content)])
        library = ctypes.CDLL(str(copy))
    for name, kind in RETURN_TYPES.items():
        getattr(library, name).restype = kind
    library.load_sas.argtypes = library.load_sas_replan.argtypes = [ctypes.c_char_p]
    return library


def measure_loaded_part(content: bytes) -> int:
    """Return how many bytes of a library the loader maps: 1 MB of 33, the rest is for debuggers.

    Files other than 64-bit little-endian ELF count as a whole.
    """
    if content[:6] != ELF_MAGIC:
        return len(content)
    (table,) = struct.unpack_from("<Q", content, 32)
    entry_size, num_entries = struct.unpack_from("<HH", content, 54)
    end = 0
    for start in range(table, table + entry_size * num_entries, entry_size):
        kind, _, offset, _, _, size = struct.unpack_from("<IIQQQQ", content, start)
        if kind == LOADED_SEGMENT:
            end = max(end, offset + size)
    return end
