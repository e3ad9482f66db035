"""What decides a game, as one digest: whatever its file is called, however it is packed and laid out."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hiper_envs.alfworld.games.problem import check_texts, load_fields


def digest_game(file: Path, human_goals: Sequence[str] = ()) -> str:
    """Return the SHA-256 of a game's domain, grammar and problem, and of the goals that people wrote if they count.

    Each text, in this order and in UTF-8, is preceded by its length in bytes and a colon (netstrings without their
    comma), so that text which moves from one to the next shows.

    Args:
        file: The game's file, gzipped or plain.
        human_goals: The goals that an episode may be given, in order; none where the grammar's own is played.

    Raises:
        GameFileError: The file cannot be read, or lacks one of the three.
    """
    digest = hashlib.sha256()
    for text in (*check_texts(load_fields(file), str(file)), *human_goals):
        content = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(content) + content)
    return digest.hexdigest()
