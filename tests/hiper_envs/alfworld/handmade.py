"""A small game written by hand: one bedroom with a desk, a drawer, a lamp, two mugs and a book."""

from dataclasses import replace

from hiper_envs.alfworld.games.goals import Goal
from hiper_envs.alfworld.games.problem import Problem

AT_DESK, AT_DRAWER, AT_DOOR = "loc_bar_1", "loc_bar_2", "loc_bar_3"
DESK, DRAWER = "Desk_bar_1", "Drawer_bar_1"
FIRST_MUG, SECOND_MUG, BOOK, LAMP = "Mug_bar_1", "Mug_bar_2", "Book_bar_1", "DeskLamp_bar_1"

ENTITIES = {
    "agent1": "agent",
    **dict.fromkeys((AT_DESK, AT_DRAWER, AT_DOOR), "location"),
    **dict.fromkeys((DESK, DRAWER), "receptacle"),
    **dict.fromkeys((FIRST_MUG, SECOND_MUG, BOOK, LAMP), "object"),
    **dict.fromkeys(("DeskType", "DrawerType"), "rtype"),
    **dict.fromkeys(("MugType", "BookType", "DeskLampType"), "otype"),
}
FACTS = (
    ("atLocation", "agent1", AT_DOOR),
    ("receptacleAtLocation", DESK, AT_DESK),
    ("receptacleAtLocation", DRAWER, AT_DRAWER),
    ("receptacleType", DESK, "DeskType"),
    ("receptacleType", DRAWER, "DrawerType"),
    ("openable", DRAWER),
    ("objectType", FIRST_MUG, "MugType"),
    ("objectType", SECOND_MUG, "MugType"),
    ("objectType", BOOK, "BookType"),
    ("objectType", LAMP, "DeskLampType"),
    ("pickupable", FIRST_MUG),
    ("pickupable", SECOND_MUG),
    ("pickupable", BOOK),
    ("toggleable", LAMP),
    ("inReceptacle", FIRST_MUG, DESK),
    ("inReceptacle", SECOND_MUG, DRAWER),
    ("inReceptacle", BOOK, DESK),
    ("inReceptacle", LAMP, DESK),
    ("objectAtLocation", FIRST_MUG, AT_DESK),
    ("objectAtLocation", BOOK, AT_DESK),
    *(("canContain", kind, thing) for kind in ("DeskType", "DrawerType") for thing in ("MugType", "BookType")),
)


def bedroom(goal: Goal | None = None, more: tuple[tuple[str, ...], ...] = (), **changes: object) -> Problem:
    """Return the bedroom, with further facts, another goal or other wording."""
    goal = goal or Goal("pick", "Mug", "Drawer")
    problem = Problem("bedroom", ENTITIES, FACTS + more, goal, "put a mug in drawer")
    return replace(problem, **changes)  # type: ignore[arg-type]


def washroom(sink_types: tuple[str, ...]) -> Problem:
    """Return a game with a sink of the type that only the released games' domain cleans in, and a mug in it."""
    entities = {
        "agent1": "agent",
        **dict.fromkeys((AT_DESK, AT_DOOR), "location"),
        "Sink_bar_1": "receptacle",
        FIRST_MUG: "object",
        "SinkType": "rtype",
        "MugType": "otype",
    }
    facts = (
        ("atLocation", "agent1", AT_DOOR),
        ("receptacleAtLocation", "Sink_bar_1", AT_DESK),
        ("receptacleType", "Sink_bar_1", "SinkType"),
        ("objectType", FIRST_MUG, "MugType"),
        ("pickupable", FIRST_MUG),
        ("cleanable", FIRST_MUG),
        ("inReceptacle", FIRST_MUG, "Sink_bar_1"),
        ("canContain", "SinkType", "MugType"),
    )
    goal = Goal("pick", "Mug", "Sink")
    return Problem("washroom", entities, facts, goal, "put a mug in sink", sink_types=sink_types)
