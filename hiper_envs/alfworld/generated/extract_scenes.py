"""Read the facts about AI2-THOR's 120 rooms off the alfworld wheel into data/scenes.json.gz.

Only this script needs the wheel, and only its data: `gen/layouts` (furniture with vetted standing points, object types,
reachable points), `gen/constants.py` (type tables) and `gen/goal_library.py` (goal sentences). Nothing of alfworld is
imported, so `pip download --no-deps alfworld==0.4.2` and an unpacked wheel are enough:

    python -m hiper_envs.alfworld.generated.extract_scenes FOLDER_WITH_alfworld/gen
"""

import gzip
import json
import runpy
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hiper_envs.task_types import TASK_KINDS

SOURCE = "alfworld 0.4.2 (MIT): gen/layouts, gen/constants.py, gen/goal_library.py"
TARGET = Path(__file__).parent / "data" / "scenes.json.gz"
GRID = 0.25
"""Metres between two reachable points."""


def read_points(path: Path) -> list[list[int]]:
    """Return a layout's reachable points (x, z) in grid steps, in the file's own order.

    Reads the two-column float64 .npy file by hand, which keeps the script free of a fixed numpy version.
    """
    content = path.read_bytes()
    (header_length,) = struct.unpack("<H", content[8:10])
    header = content[10 : 10 + header_length].decode()
    if "'<f8'" not in header or "'fortran_order': False" not in header:
        raise ValueError(f"{path.name} is no row-major float64 array: {header.strip()}")
    values = struct.unpack(f"<{(len(content) - 10 - header_length) // 8}d", content[10 + header_length :])
    steps = [round(value / GRID) for value in values]
    return [steps[0::2], steps[1::2]]


def read_furniture(path: Path) -> list[list[Any]]:
    """Return [id, x, z] per listed piece of furniture: its vetted standing point in grid steps, sorted by id."""
    openable = json.loads(path.read_text())
    return [[name, round(x / GRID), round(z / GRID)] for name, (x, z, _, _) in sorted(openable.items())]


def read_scene(layouts: Path, floor_plan: int, known_types: set[str]) -> dict[str, Any]:
    """Return one floor plan's furniture, reachable points and the object types seen in it.

    Args:
        layouts: ALFRED's folder of layouts.
        floor_plan: Number of the room.
        known_types: Types of objects that the games know; others are left out.
    """
    objects = json.loads((layouts / f"FloorPlan{floor_plan}-objects.json").read_text())
    return {
        "furniture": read_furniture(layouts / f"FloorPlan{floor_plan}-openable.json"),
        "points": read_points(layouts / f"FloorPlan{floor_plan}-layout.npy"),
        "types": sorted(known_types.intersection(objects)),
    }


def read_types(constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the type tables; sliced types are left out, for slicing makes no new object in the text game."""

    def whole(types: set[str]) -> list[str]:
        return sorted(name for name in types if not name.endswith("Sliced"))

    movable = set(constants["MOVABLE_RECEPTACLES"])
    receptacles = set(constants["RECEPTACLES"]) - movable
    return {
        "objects": sorted(constants["OBJECTS_SET"] - receptacles),
        "receptacles": sorted(receptacles),
        "movable_receptacles": sorted(movable),
        "contents": {name: whole(types) for name, types in sorted(constants["VAL_RECEPTACLE_OBJECTS"].items())},
        "properties": {name.lower(): whole(types) for name, types in sorted(constants["VAL_ACTION_OBJECTS"].items())},
        "openable": sorted(set(constants["OPENABLE_CLASS_LIST"]) & receptacles),
        "forced_horizon": [[*key, angle] for key, angle in sorted(constants["FORCED_HORIZON_OBJS"].items(), key=str)],
        "rooms": {room: [numbers.start, numbers.stop] for room, numbers in constants["SCENE_TYPE"].items()},
    }


def extract(gen: Path) -> dict[str, Any]:
    """Return everything the generator needs, from the folder alfworld/gen of the wheel."""
    constants = runpy.run_path(str(gen / "constants.py"))
    goals = runpy.run_path(str(gen / "goal_library.py"))["gdict"]
    known_types = set(constants["OBJECTS"]) | set(constants["RECEPTACLES"])
    floor_plans = [number for numbers in constants["SCENE_TYPE"].values() for number in numbers]
    return {
        "source": SOURCE,
        "types": read_types(constants),
        "goals": {kind: goals[name]["templates"] for name, kind in TASK_KINDS.items()},
        "scenes": {str(number): read_scene(gen / "layouts", number, known_types) for number in floor_plans},
    }


def main(arguments: list[str]) -> None:
    """Write the data file; the same wheel gives the same bytes."""
    if len(arguments) != 1 or not (Path(arguments[0]) / "layouts").is_dir():
        raise SystemExit(
            "usage: python -m hiper_envs.alfworld.generated.extract_scenes FOLDER"
            " (alfworld/gen of the wheel, with layouts/)"
        )
    text = json.dumps(extract(Path(arguments[0])), separators=(",", ":"), sort_keys=True)
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
