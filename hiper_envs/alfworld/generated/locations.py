"""Where one stands to use a thing, worked out as the real games' generator works it out."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hiper_envs.alfworld.generated.tables import load_types

GRID = 0.25
"""Metres between two neighbouring points; locations count in these steps."""
CAMERA_HEIGHT = 1.65
"""Metres; the value that reproduces the recorded camera angles."""
TOO_CLOSE = 0.5
ANGLE_STEP = 15
LOWEST_ANGLE, HIGHEST_ANGLE = -30, 60
NORTH, EAST, SOUTH, WEST = range(4)
STEPS = {NORTH: (0, 1), EAST: (1, 0), SOUTH: (0, -1), WEST: (-1, 0)}

Position = tuple[float, float, float]
"""x, height, z in metres."""
Location = tuple[int, int, int, int]
"""x, z in grid steps, direction (0 north, 1 east, 2 south, 3 west), camera angle in degrees downwards."""
Point = tuple[int, int]

Points = npt.NDArray[np.int64]
"""Reachable points of a room, two rows: x and z in grid steps."""


def locate(points: Points, position: Position, kind: tuple[str, int], known_point: Point | None) -> Location:
    """Return the location from which a thing is used, as the games' own generator chooses it.

    The standing point is the vetted one or the nearest reachable one (first of equals, by the sum of both distances);
    the agent turns along the longer distance, steps back once when closer than half a metre, and looks at the thing.

    Args:
        points: The room's reachable points.
        position: Where the thing is, in metres.
        kind: The thing's type and the number of its room; some have a fixed angle.
        known_point: A vetted standing point; None to look for the nearest.
    """
    x, z = position[0] / GRID, position[2] / GRID
    stand_x, stand_z = known_point or _nearest(points, x, z)
    ahead_x, ahead_z = x - stand_x, z - stand_z
    if abs(ahead_x) > abs(ahead_z):
        direction = EAST if ahead_x > 0 else WEST
    else:
        direction = NORTH if ahead_z > 0 else SOUTH
    if math.hypot(ahead_x * GRID, ahead_z * GRID, CAMERA_HEIGHT - position[1]) < TOO_CLOSE:
        back_x, back_z = stand_x - STEPS[direction][0], stand_z - STEPS[direction][1]
        if bool(((points[0] == back_x) & (points[1] == back_z)).any()):
            stand_x, stand_z, ahead_x, ahead_z = back_x, back_z, x - back_x, z - back_z
    distance = max(abs(ahead_x), abs(ahead_z)) * GRID
    angle = round(math.degrees(math.atan2(CAMERA_HEIGHT - position[1], distance)) / ANGLE_STEP) * ANGLE_STEP
    forced = load_types().forced_angles
    angle = forced.get(kind, forced.get((kind[0], None), max(LOWEST_ANGLE, min(HIGHEST_ANGLE, angle))))
    return stand_x, stand_z, direction, angle


def _nearest(points: Points, x: float, z: float) -> Point:
    index = int(np.argmin(np.abs(points[0] - x) + np.abs(points[1] - z)))
    return int(points[0, index]), int(points[1, index])


def find_wall_spots(points: Points) -> Iterator[tuple[int, int, int]]:
    """Yield (x, z, direction) for every reachable point and direction with nothing reachable ahead."""
    reachable = {(int(x), int(z)) for x, z in points.T}
    for x, z in sorted(reachable):
        for direction, (step_x, step_z) in STEPS.items():
            if (x + step_x, z + step_z) not in reachable:
                yield x, z, direction
