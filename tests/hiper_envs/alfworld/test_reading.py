"""ALFWorld's texts, read: what the engine writes comes back as it was meant."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiper_envs.alfworld.games.problem import read_game
from hiper_envs.alfworld.generated.generate import generate, task_ids
from hiper_envs.alfworld.generated.tables import load_types
from hiper_envs.alfworld.own_words import PLACES, THINGS
from hiper_envs.alfworld.reading import (
    ORDERS,
    TREATMENTS,
    Command,
    Deed,
    GoalList,
    Request,
    read_command,
    read_deed,
    read_due,
    read_goals,
    read_observation,
    read_request,
    type_of,
    write_progress,
)
from hiper_envs.alfworld.rules.engine import Engine
from hiper_envs.task_types import TASK_KINDS
from tests.hiper_envs.alfworld.real_games import list_games, read_published_runs


@pytest.mark.parametrize("kind", load_types().goals)
def test_every_task_sentence(kind: str) -> None:
    for sentence in load_types().goals[kind]:
        text = sentence.format(obj="cd", recep="safe", toggle="desklamp")
        place = "desklamp" if kind == "look_at" else "safe"
        assert read_request(text) == read_request(f"Your task is to: {text}.") == Request(kind, ("cd",), (place,))  # type: ignore[arg-type]


def test_old_task_sentences(shared: Path) -> None:
    assert read_request("find some apple and put it in sidetable") == Request("pick", ("apple",), ("sidetable",))
    for run in read_published_runs(shared):
        request = read_request(run["intro"].rpartition("Your task is to: ")[2])
        assert len(request.things) == len(request.places) == 1
        assert request.kind == next(kind for word, kind in TASK_KINDS.items() if word in run["task"])


def test_released_task_sentences_ask_for_the_goal(shared: Path) -> None:
    for file in list_games(shared, "train"):
        problem = read_game(file)
        goal, request = problem.goal, read_request(problem.task)
        place = goal.receptacle_type or goal.lamp_type or ""
        assert (request.kind, request.thing, request.place) == (goal.kind, goal.object_type.lower(), place.lower())


def test_goals_in_peoples_words(shared: Path) -> None:
    """Most annotators name thing and place by words that can be known; some describe another task altogether."""
    goals = json.loads((shared / "data/alfworld/human_goals.json").read_text(encoding="utf-8"))["valid_train"]
    understood = []
    for game, sentences in goals.items():
        word, thing, _, place, _ = game.split("/")[0].split("-")
        for sentence in sentences:
            request = read_request(sentence)
            is_right = request.kind == TASK_KINDS[word] and thing.lower() in request.things
            understood.append(is_right and place.lower() in request.places)
    assert sum(understood) / len(understood) > 0.8


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Put two bars of soap in the desk drawer.", Request("pick_two", ("soapbar",), ("drawer",))),
        ("move the watch from the TV stand to the coffee table", Request("pick", ("watch",), ("coffeetable",))),
        ("Rinse the tomato, put it in the fridge next to the sink", Request("clean", ("tomato",), ("fridge",))),
        ("heat the potato in the microwave, put it in the refrigerator", Request("heat", ("potato",), ("fridge",))),
        ("Throw away the spray bottle", Request("pick", ("spraybottle",), ("garbagecan",))),
        ("Inspect a book by lamp light.", Request("look_at", ("book",), ("desklamp",))),
        ("Put chilled knives on the shelves", Request("cool", ("knife",), ("shelf",))),
        ("the ro", Request("pick", (), ())),
    ],
)
def test_own_words(sentence: str, expected: Request) -> None:
    assert read_request(sentence) == expected


@given(st.text())
def test_any_text_is_a_request(text: str) -> None:
    request = read_request(text)
    assert set(request.things) <= set(THINGS) and set(request.places) <= {*PLACES, "desklamp"}


def test_the_vocabulary_is_that_of_the_tasks() -> None:
    types = load_types()
    asked_for = {task.split("/")[2].split("-")[1].lower() for task in task_ids("train")}
    assert asked_for <= set(THINGS) <= {kind.lower() for kind in types.objects}
    assert {task.split("/")[2].split("-")[3].lower() for task in task_ids("train")} <= {*PLACES, "desklamp"}
    assert set(PLACES) <= {kind.lower() for kind in types.receptacles}


@pytest.mark.parametrize("task_id", task_ids("train")[:12])
def test_what_the_engine_writes_is_read_back(task_id: str) -> None:
    problem, rng = generate(task_id), random.Random(0)
    engine = Engine(problem)
    output = engine.reset()
    names = {place for place in engine.world.receptacles}
    start = read_observation(output.text)
    assert set(start.listed) == names or (not start.listed and start.facing)
    for _ in range(60):
        command = rng.choice(output.admissible)
        output = engine.step(command)
        seen, asked = read_observation(output.text), read_command(command)
        assert not seen.is_refused and asked.verb
        if asked.verb == "go":
            assert seen.arrival == asked.place
        if asked.verb in ("take", "put", *TREATMENTS):
            assert seen.deed == Deed(*asked)
        for place, things in seen.contents.items():
            assert output.text.count("a ") >= len(things) and (place in names or place in engine.world.objects)
    assert read_observation(engine.step("xyzzy").text).is_refused


def test_both_wordings() -> None:
    put, move = "You put the mug 1 in/on the cabinet 2.", "You move the mug 1 to the cabinet 2."
    assert read_deed(put) == read_deed(move) == Deed("put", "mug 1", "cabinet 2")
    assert read_command("put mug 1 in/on cabinet 2") == read_command("move mug 1 to cabinet 2")
    assert read_command("go to cabinet 2") == Command("go", "", "cabinet 2")
    assert read_command("use desklamp 1") == Command("use", "desklamp 1")
    assert read_command("inventory") == Command("inventory") and read_command("fly") == Command("")
    assert read_deed("You turn on the desklamp 1.") == Deed("use", "desklamp 1", "")
    assert type_of("mug 2") == "mug"


@given(
    sentences=st.lists(st.sampled_from(["put a mug in desk", "heat some egg and put it in fridge", "x"]), min_size=1),
    order=st.sampled_from(sorted(ORDERS)),
    frame=st.sampled_from(["{}", "Your task is to: {}.", "{}.", " {} "]),
)
def test_goals_come_apart(sentences: list[str], order: str, frame: str) -> None:
    instruction = frame.format(ORDERS[order] + "; ".join(sentences))
    assert read_goals(instruction) == GoalList(tuple(sentences), order == "sequence")


def test_a_plain_sentence_is_one_goal() -> None:
    for sentence in (
        "put a mug in desk",
        "",
        "Wash it; then do all of these: dry it",
        "Your task is to: put a mug in desk.",
    ):
        assert read_goals(sentence) == GoalList((sentence,), False)


def test_progress_is_read_as_it_is_written() -> None:
    for done in (["put a mug in desk"], ["put a mug in desk", "examine the cd with the desklamp"]):
        text = "You move the mug 1 to the desk 1." + write_progress(done, "put two egg in fridge")
        assert read_due(text) == "put two egg in fridge"
        deed = read_observation(text).deed
        assert deed is not None and deed.verb == "put"
    for text in ("", "Nothing happens.", "Done: a. Next: b.", "\n\nDone: a. Next: b.\n\nmore"):
        assert read_due(text) == ""
