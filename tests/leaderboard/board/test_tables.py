"""What people read in the terminal."""

import io

import msgspec
import pytest
from hand_records import make_episode, make_run
from rich.console import Console, RenderableType

from leaderboard.board.tables import render_comparisons, render_episode, render_table, render_types
from leaderboard.scoring.compare import compare_runs, compare_to_best
from leaderboard.scoring.scores import score_run

GOOD = make_run("Good", [make_episode("pick_heat_then_place_in_recep-1", score=1.0), make_episode("b", score=1.0)])
POOR = make_run(
    "Poor [bold]",
    [make_episode("pick_heat_then_place_in_recep-1", score=0.5), make_episode("b", score=0.0, error="KeyError: 'x'")],
)


def show(renderable: RenderableType, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_best_agent_comes_first() -> None:
    lines = show(render_table([score_run(POOR), score_run(GOOD)]))
    rows = [line.split() for line in lines if "Good" in line or "Poor" in line]
    assert rows[0][:4] == ["Good", "100.0", "[16,", "100]"]
    assert rows[1][:6] == ["Poor", "[bold]", "0.0", "[0,", "84]", "25.0"]
    assert lines[-1] == "Poor [bold]: broke off 1 of 2 episodes"


def test_note_says_where_intervals_come_from_in_one_line() -> None:
    lines = show(render_table([score_run(GOOD)]), width=80)
    assert "95 % interval: exact (Clopper-Pearson) for success, else bootstrap by task" in lines
    clustered = make_run("Good", list(GOOD.episodes), clusters=["B01", "B01"])
    assert "95 % interval: bootstrap by product" in show(render_table([score_run(clustered)]), width=80)
    found = compare_to_best([clustered] * 12)
    assert "95 % interval for all 66 pairs together (Bonferroni): bootstrap by product" in show(
        render_comparisons(found), width=80
    )


LONG = make_run("a-rather-long-name-of-an-agent", [make_episode("pick_heat_then_place_in_recep-1", score=0.5)])
SHORT = make_run("A", [make_episode("pick_heat_then_place_in_recep-1", score=1.0)])
TABLES = {
    "scores": lambda runs: render_table([score_run(run) for run in runs]),
    "types": lambda runs: render_types([score_run(run) for run in runs]),
    "comparisons": lambda runs: render_comparisons([compare_runs(runs[0], run) for run in runs]),
}


@pytest.mark.parametrize("width", [36, 40, 60, 80, 120])
@pytest.mark.parametrize("kind", TABLES)
def test_narrow_tables_cut_between_columns_only(width: int, kind: str) -> None:
    runs = [SHORT, LONG]
    lines = show(TABLES[kind](runs), width)
    assert max(map(len, lines)) <= width
    wide = show(TABLES[kind](runs), 300)
    numbers = {word for line in wide if "─" not in line for word in line.split("  ") if "[" in word or "." in word}
    assert all(any(number.strip() in line for line in lines) for number in numbers if "episodes" not in number)
    pieces = [line.split("  ")[0].strip() for line in lines if line.startswith(("a-rather", "A - a-rather"))]
    assert pieces and all(len(piece) >= 6 for piece in pieces)


@pytest.mark.parametrize("width", [40, 80])
def test_every_part_names_the_agents(width: int) -> None:
    lines = show(render_table([score_run(SHORT), score_run(LONG)]), width)
    parts = [line for line in lines if line.startswith("──")]
    assert len(parts) == sum(line.startswith("A ") for line in lines) == sum(line.startswith("a-r") for line in lines)
    assert len(parts) == (3 if width == 40 else 1)


@pytest.mark.parametrize("width", [80, 100, 200])
def test_no_number_is_cut(width: int) -> None:
    text = "\n".join(show(render_table([score_run(POOR), score_run(GOOD)]), width))
    assert "…" not in text and "25.0 [1, 89]" in text and "0.0 [0, 84]" in text


def test_unfinished_run_says_so() -> None:
    run = make_run("A", [make_episode("a", score=1.0)], num_tasks=9)
    assert "1 of 9" in "\n".join(show(render_table([score_run(run)])))
    assert "0 of 3" in "\n".join(show(render_table([score_run(make_run("A", [], num_tasks=3))])))


def test_types_are_shown_where_ids_tell_them() -> None:
    lines = show(render_types([score_run(GOOD), score_run(POOR)]))
    assert [line.split() for line in lines if "Good" in line] == [["Good", "100.0"]]
    assert show(render_types([score_run(make_run("A", [make_episode("goal-1", score=1.0)]))])) == []


def test_differences_are_shown() -> None:
    text = "\n".join(show(render_comparisons([compare_runs(GOOD, POOR)])))
    assert "Good - Poor [bold]" in text and "100.0 [-68, 100]" in text and "75.0" in text
    assert "hand-v1: paired differences on the same tasks" in text and "95 % interval: bootstrap by task" in text
    lone = make_run("Lone", [make_episode("a", score=1.0, lengths=(3,))])
    row = next(line for line in show(render_comparisons([compare_runs(lone, lone)])) if "Lone" in line)
    assert row.split()[-2:] == ["0.0", "1"], "no interval of turns from one pair"


def test_episode_is_shown_segment_by_segment() -> None:
    episode = make_episode("a [red]", score=0.5, lengths=(1, 2), problems=1, observation="You see [SEP] a [bold] " * 9)
    lines = show(render_episode(episode), width=60)
    text = "\n".join(lines)
    assert "▌ 1. part 0  1 turn, switch" in text and "▌ 2. part 1  2 turns, switch" in text
    assert text.count("> work") == 3 and text.count("[SEP] a [bold]") > 9
    assert "! no complete <switch>...</switch>" in text
    assert lines[-1] == "no success after 3 turns, score 50"
    first = next(number for number, line in enumerate(lines) if "1. part 0" in line)
    assert all(line.startswith("▌") or not line.strip() for line in lines[first:-1])


def test_crash_is_shown() -> None:
    lines = show(render_episode(make_episode("a", score=0.0, error="KeyError: 'x'\n  mine.py, line 3")))
    assert lines[-2:] == ["crashed: KeyError: 'x'", "  mine.py, line 3"]


def test_failure_around_the_agent_is_no_crash() -> None:
    episode = make_episode("a", score=0.0, error="ConnectionError: down")
    lines = show(render_episode(msgspec.structs.replace(episode, error_kind="around")))
    assert lines[-1] == "failed around the agent: ConnectionError: down"


def test_long_observations_can_be_cut() -> None:
    episode = make_episode("a", score=1.0, observation="word " * 100)
    lines = show(render_episode(episode, max_characters=40), width=60)
    assert max(line.count("word") for line in lines) == 8 and any(line.rstrip().endswith("…") for line in lines)
