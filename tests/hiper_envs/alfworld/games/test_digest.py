"""The digest of a game: of what decides it and nothing else."""

import gzip
import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.alfworld.env import ALFWorldEnv
from hiper_envs.alfworld.games.digest import digest_game
from hiper_envs.alfworld.games.problem import GameFileError

FIELDS = {"pddl_domain": "(define é)", "grammar": "grammar :: 1", "pddl_problem": "(mug \ud800)"}
GOALS = ("put it away", "Store it.")
TEXTS = st.tuples(*[st.text("a1:,", max_size=4)] * 3)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_it_is_the_hash_of_the_three_texts_and_the_goals(tmp_path: Path) -> None:
    file = write(tmp_path / "game.tw-pddl", json.dumps(FIELDS).encode())
    texts = b"11:(define \xc3\xa9)12:grammar :: 19:(mug \xed\xa0\x80)"
    assert digest_game(file) == hashlib.sha256(texts).hexdigest()
    assert digest_game(file, GOALS) == hashlib.sha256(texts + b"11:put it away9:Store it.").hexdigest()


def test_packing_layout_name_and_other_fields_do_not_matter(tmp_path: Path) -> None:
    plain = json.dumps(FIELDS).encode()
    laid_out = json.dumps({"walkthrough": ["look"], **dict(reversed(FIELDS.items())), "solvable": True}, indent=4)
    files = [
        write(tmp_path / "game.tw-pddl", plain),
        write(tmp_path / "other.tw-pddl", laid_out.encode()),
        write(tmp_path / "game.tw-pddl.gz", gzip.compress(plain)),
        write(tmp_path / "packed.tw-pddl", gzip.compress(laid_out.encode(), 1)),
    ]
    assert len({digest_game(file) for file in files}) == 1


@given(TEXTS, TEXTS, st.lists(st.text("a1:", max_size=2), max_size=3), st.lists(st.text("a1:", max_size=2), max_size=3))
def test_text_that_moves_shows(
    texts: tuple[str, ...], others: tuple[str, ...], goals: list[str], other_goals: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [
            write(Path(folder) / f"{number}.tw-pddl", json.dumps(dict(zip(FIELDS, each, strict=True))).encode())
            for number, each in enumerate((texts, others))
        ]
        is_same = digest_game(files[0], goals) == digest_game(files[1], other_goals)
    assert is_same == ((texts, goals) == (others, other_goals))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "is not JSON, gzipped or plain"),
        (b"[" * 100_000, "is not JSON, gzipped or plain"),
        (b"\xff\xfe\xfd", "is not JSON, gzipped or plain"),
        (gzip.compress(b"{}" * 99, mtime=0)[:-9], "is not JSON, gzipped or plain"),
        (gzip.compress(b"{}", mtime=0)[:10] + b"\xff\xff\xff", "is not JSON, gzipped or plain"),
        (b"[1]", "is not a JSON object"),
        (b'{"pddl_domain": ""}', "field 'grammar' is missing"),
        (b'{"pddl_domain": "", "grammar": 1}', "field 'grammar' is no text"),
    ],
)
def test_what_is_no_game_is_told_with_its_file(tmp_path: Path, content: bytes, reason: str) -> None:
    file = write(tmp_path / "game.tw-pddl", content)
    with pytest.raises(GameFileError, match=reason) as caught:
        digest_game(file)
    assert caught.value.file == str(file)


def test_generated_games_have_no_files_to_digest() -> None:
    env = ALFWorldEnv(split="valid_seen", games="generated")
    assert not env.has_digests and env.place == "" and not env.left_out
    with pytest.raises(ValueError, match="is generated: its id alone decides the game"):
        env.digest_of(env.tasks[0])
    with pytest.raises(ValueError, match="unknown task 'nowhere'"):
        env.digest_of("nowhere")
