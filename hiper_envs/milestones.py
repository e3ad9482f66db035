"""Segments for agents that declare none: the milestones on the way to a goal, and how well declared segments fit them.

A milestone is something a goal needs that has become true for the first time: the target seen, held, cleaned, ... A
milestone is reached on the turn whose action brought it about, and ends a segment there.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import gymnasium as gym

from hiper_envs.reply import Reply
from hiper_envs.subgoals import Segment, SegmentTracker, name_end
from webshop_server.shop.reward import is_match, normalize_color

if TYPE_CHECKING:
    from hiper_envs.alfworld.goals import Goal
    from hiper_envs.episode import Episode
    from webshop_server.shop.shop import Session, Shop

_TREATMENTS = {"clean": "cleaned", "heat": "heated", "cool": "cooled"}
_NAME = r"([a-z]+ \d+)"
_EVENTS = {
    "held": re.compile(rf"You pick up the {_NAME} from"),
    "treated": re.compile(rf"You (?:clean|heat|cool) the {_NAME} using"),
    "placed": re.compile(rf"You (?:move|put) the {_NAME} (?:to|in/on) the {_NAME}\."),
    "lamp on": re.compile(rf"You turn on the {_NAME}"),
}


class Milestones(Protocol):
    """What an environment's `make_milestones` returns: watches one episode.

    Attributes:
        names: All milestones of the goal, in the order of a direct way to it.
    """

    names: tuple[str, ...]

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""


class HouseholdMilestones:
    """The milestones of an ALFWorld goal, read off the text, so that both engines have the same.

    Args:
        goal: The game's goal.
    """

    def __init__(self, goal: "Goal") -> None:
        self._object = goal.object_type.lower()
        self._place = (goal.receptacle_type or "").lower()
        self._lamp = (goal.lamp_type or "").lower()
        self._treatment = _TREATMENTS.get(goal.kind)
        self._treated: set[str] = set()
        self._held: set[str] = set()
        self._reached: set[str] = set()
        ends = {"look_at": ("lamp on",), "pick_two": ("placed", "second held", "second placed")}
        middle = (self._treatment,) if self._treatment else ()
        self.names = ("seen", "held", *middle, *ends.get(goal.kind, ("placed",)))
        self._there: set[str] = set()

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        happened: list[str] = []
        if re.search(rf"\b{self._object} \d", observation):
            happened.append("seen")
        for event, pattern in _EVENTS.items():
            match = pattern.search(observation)
            if match:
                happened += self._read_event(event, *match.groups())
        new = [name for name in self.names if name in happened and name not in self._reached]
        self._reached.update(new)
        return new

    def _read_event(self, event: str, thing: str, place: str = "") -> list[str]:
        kind = thing.rsplit(" ", 1)[0]
        if event == "lamp on":
            return ["lamp on"] if kind == self._lamp else []
        if kind != self._object:
            return []
        if event == "treated":
            self._treated.add(thing)
            return [self._treatment] if self._treatment else []
        if event == "held":
            self._there.discard(thing)
            self._held.add(thing)
            return ["held", "second held"] if len(self._held) > 1 else ["held"]
        if place.rsplit(" ", 1)[0] != self._place or (self._treatment and thing not in self._treated):
            return []
        self._there.add(thing)
        return ["placed", "second placed"] if len(self._there) > 1 else ["placed"]


class ShoppingMilestones:
    """The milestones of a WebShop goal: searched, item opened, each option right, bought.

    Args:
        shop: The shop.
        get_session: Returns the session as it is now.
    """

    def __init__(self, shop: "Shop", get_session: Callable[[], "Session"]) -> None:
        self._shop, self._get_session = shop, get_session
        self._goal = get_session().goal
        wanted = self._goal.options
        self._wanted = dict(wanted) if isinstance(wanted, Mapping) else {value: value for value in wanted}
        self.names = ("searched", "item opened", *map(_name_option, self._wanted), "bought")
        self._reached: set[str] = set()

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        session = self._get_session()
        product = self._shop.show(session).product
        is_true = {
            "searched": session.keywords is not None,
            "item opened": product is not None and product.asin == self._goal.asin,
            "bought": session.is_done,
        }
        chosen = session.options
        for key, value in self._wanted.items():
            values = [chosen.get(key, "")] if isinstance(self._goal.options, Mapping) else list(chosen.values())
            is_true[_name_option(key)] = any(is_match(normalize_color(one), normalize_color(value)) for one in values)
        new = [name for name in self.names if is_true[name] and name not in self._reached]
        self._reached.update(new)
        return new


def _name_option(key: str) -> str:
    return f"option {key} right"


class MilestoneWrapper(gym.Wrapper[str, str, str, str], gym.utils.RecordConstructorArgs):
    """Says in `info` which milestones are reached and where they cut the episode; never in the observation.

    It goes inside `SubgoalWrapper` where both are wanted. Added to `info`:

    * `milestones`: the names of all milestones reached so far, in the order in which they were; `new_milestones`:
      those of this turn; `all_milestones`: all that the goal has.
    * `milestone_segment`: `index`, `subgoal` (the milestone ahead), `is_boundary`, `age`, as `info["segment"]` of
      `SubgoalWrapper`; the turn after a milestone opens a segment. `milestone_segments`: at the end, all of them.

    Raises:
        ValueError: The environment has no milestones.
    """

    def __init__(self, env: gym.Env[str, str]) -> None:
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        if not hasattr(env.unwrapped, "make_milestones"):
            raise ValueError(f"{env.unwrapped} has no milestones: it needs a method make_milestones()")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode without milestones."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._milestones: Milestones = self.env.get_wrapper_attr("make_milestones")()
        self._reached: list[str] = []
        self._tracker = SegmentTracker()
        self._is_due = True
        segment = {"index": -1, "subgoal": "", "is_boundary": False, "age": 0}
        return observation, {**info, **self._describe([]), "milestone_segment": segment}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Take an action and say what it reached."""
        segment = self._tracker.declare(Reply(action, self._ahead(), self._is_due))
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._tracker.earn(float(reward))
        new = self._milestones.watch(action, observation)
        self._reached += new
        self._is_due = bool(new)
        info = {**info, **self._describe(new), "milestone_segment": segment}
        if terminated or truncated:
            info["milestone_segments"] = self._tracker.finish(name_end(terminated, info))
        return observation, float(reward), terminated, truncated, info

    def _ahead(self) -> str:
        return next((name for name in self._milestones.names if name not in self._reached), "")

    def _describe(self, new: list[str]) -> dict[str, Any]:
        return {
            "milestones": list(self._reached),
            "new_milestones": new,
            "all_milestones": list(self._milestones.names),
        }


class Agreement(NamedTuple):
    """How declared boundaries fit the milestones of one episode or of many.

    Attributes:
        num_hits: Boundaries that follow a milestone.
        num_declared: Boundaries that the agent declared; an episode's first turn, which is one always, left out.
        num_reached: Turns that reached milestones and were followed by another turn.
    """

    num_hits: int
    num_declared: int
    num_reached: int

    @property
    def precision(self) -> float:
        """Share of declared boundaries that follow a milestone; nan without any."""
        return self.num_hits / self.num_declared if self.num_declared else float("nan")

    @property
    def recall(self) -> float:
        """Share of milestones that a declared boundary follows; nan without any."""
        return self.num_hits / self.num_reached if self.num_reached else float("nan")

    def __add__(self, other: tuple[object, ...]) -> "Agreement":
        """Pool two agreements."""
        if not isinstance(other, Agreement):
            raise TypeError(f"an Agreement adds to an Agreement, not to {type(other).__name__}")
        return Agreement(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


def measure_agreement(declared: Sequence[Segment], by_milestones: Sequence[Segment]) -> Agreement:
    """Compare where the agent cut an episode with where its milestones cut it.

    Args:
        declared: Segments of one episode from `SubgoalWrapper`.
        by_milestones: Segments of the same episode from `MilestoneWrapper`.

    Raises:
        ValueError: They are not of one episode, because their numbers of turns differ.
    """
    ends = [segments[-1].end if segments else 0 for segments in (declared, by_milestones)]
    if ends[0] != ends[1]:
        raise ValueError(f"these are segments of two episodes, of {ends[0]} and {ends[1]} turns")
    return _compare_cuts(*({segment.start for segment in segments[1:]} for segments in (declared, by_milestones)))


def measure_record(episode: "Episode") -> Agreement:
    """Compare where the agent cut a recorded episode with where the recorded milestones cut it.

    An episode that nobody watched for milestones counts as nothing.
    """
    if not episode.milestones:
        return Agreement(0, 0, 0)
    reached = {step.turn + 1 for step in episode.steps[:-1] if step.milestones}
    return _compare_cuts({segment.start for segment in episode.segments[1:]}, reached)


def _compare_cuts(declared: set[int], reached: set[int]) -> Agreement:
    return Agreement(len(declared & reached), len(declared), len(reached))
