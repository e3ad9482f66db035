"""The rooms: recorded facts, and furniture where the real games have it."""

import importlib.metadata
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from hiper_envs.alfworld.generated.extract_scenes import extract
from hiper_envs.alfworld.generated.scenes import load_scene
from hiper_envs.alfworld.generated.tables import floor_plans, load_data, load_types, room_of

INVENTORY = re.compile(r"\ba ([a-z]+) \d+")


def test_recorded_receptacles_are_used_from_the_recorded_locations(shared: Path) -> None:
    scene = load_scene(1)
    listed = {piece.name: piece.location for piece in scene.furniture}
    lines = (shared / "data/alfworld/fp1_receptacle_locations.txt").read_text().splitlines()
    assert len(lines) == 33
    for line in lines:
        name, *location = line.split()
        kind, x, height, z = name.split("|")
        position = float(x), float(height), float(z)
        assert listed.get(name, scene.locate(position, kind)) == tuple(map(int, location)), name


def test_every_real_inventory_has_a_room_with_just_these_types(shared: Path) -> None:
    texts = json.loads((shared / "data/alfworld/real_intros.json").read_text())
    transcripts = json.loads((shared / "data/alfworld/real_transcripts.json").read_text())
    texts += [transcript["intro"] for transcript in transcripts]
    rooms = [{piece.type.lower() for piece in load_scene(plan).furniture} for plan in floor_plans()]
    for text in texts:
        assert set(INVENTORY.findall(text)) in rooms, text


def test_data_file_is_what_the_script_reads_off_the_wheel() -> None:
    try:
        wheel = importlib.metadata.distribution("alfworld")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs the extra 'official', for the data in alfworld's wheel")
    extracted = extract(Path(str(wheel.locate_file("alfworld/gen"))))
    assert json.loads(json.dumps(extracted)) == load_data()


def test_there_are_thirty_rooms_of_each_sort() -> None:
    assert Counter(room_of(plan) for plan in floor_plans()) == dict.fromkeys(load_types().rooms, 30)


@pytest.mark.parametrize("floor_plan", floor_plans())
def test_a_room_has_a_receptacle_of_each_of_its_types_and_no_other(floor_plan: int) -> None:
    scene = load_scene(floor_plan)
    names = [piece.name for piece in scene.furniture]
    assert names == sorted(set(names))
    assert {piece.type for piece in scene.furniture} == scene.types & set(load_types().receptacles)
    points = set(zip(*scene.points.tolist(), strict=True))
    assert all(piece.location[:2] in points for piece in scene.furniture)


def test_kitchens_have_four_burners_and_some_rooms_have_doorless_cabinets() -> None:
    for plan in range(1, 31):
        counts = Counter(piece.type for piece in load_scene(plan).furniture)
        assert (counts["StoveBurner"], counts["CoffeeMachine"], counts["Toaster"]) == (4, 1, 1)
    doorless = [
        plan
        for plan in floor_plans()
        if any(piece.type in ("Cabinet", "Drawer") and not piece.is_openable for piece in load_scene(plan).furniture)
    ]
    assert 20 < len(doorless) < 80


def test_unknown_floor_plan_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"unknown floor plan 99; there are 1-30, 201-230, 301-330 and 401-430"):
        load_scene(99)
