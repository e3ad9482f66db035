"""An episode as a language model reads it: one text that grows by what the world says and by the replies."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hiper_agents.policies.language.decision import LanguageDecision
from hiper_agents.policies.language.engine import Text
from hiper_agents.policies.language.layout import Script
from hiper_agents.worlds import recognise_world
from hiper_envs.reply import Reply, parse_reply


class Writer(Protocol):
    """What a memory asks of the policy that it belongs to."""

    def make_script(self, world: str, /) -> Script:
        """Return what writes an episode of a world."""

    def encode_text(self, text: str, /) -> list[int]:
        """Return a text's tokens, nothing added."""

    def begin_text(self, text: str, marked: str, /) -> Text:
        """Return a new text."""

    def has_room(self, text: Text, /) -> bool:
        """Return whether a text leaves room for the longest reply."""


class _Turn(NamedTuple):
    """What was seen, what could be done, the reply, and the subgoal that was open after it."""

    observation: str
    admissible: Sequence[str]
    reply: str
    subgoal: str


class LanguageMemory:
    """One episode as the model reads it: a text that grows by what the world says and by the replies.

    A text that would leave no room for a whole reply in what the model can look back on begins anew without the older
    half of its turns: the first page, then the last reply that is left out, which names the subgoal that was open.

    Args:
        policy: Whose memory it is.
        observation: The first observation.
        info: What came with it.

    Attributes:
        text: Its tokens; another one where the layout had to begin anew.
        admissible: What may be done next.
        open_subgoal: The subgoal of the open segment; None before the first turn.
    """

    def __init__(self, policy: Writer, observation: str, info: Mapping[str, Any]) -> None:
        self._policy, self._info = policy, info
        self._world = recognise_world(observation, info)
        self._script = policy.make_script(self._world)
        self._observation = observation
        self.admissible: Sequence[str] = info["admissible_actions"]
        self.open_subgoal: str | None = None
        self._reply = ""
        self._past: list[_Turn] = []
        self._left_out: list[str] = []
        self._begin(self._script.open(observation, info))

    def remember(self, decision: LanguageDecision, /) -> None:
        """Keep what was decided; its tokens are in the text already."""
        self._reply = decision.reply
        if decision.is_boundary:
            self.open_subgoal = decision.subgoal

    def observe(self, observation: str, admissible: Sequence[str]) -> None:
        """Add what came back to the text."""
        self._past.append(_Turn(self._observation, self.admissible, self._reply, self.open_subgoal or ""))
        self._observation, self.admissible = observation, admissible
        more = self._script.go_on(self._reply, observation, admissible)
        if more is None:
            self._begin(self._script.reopen())
        else:
            self.text.ids.extend(self._policy.encode_text(more))
        while self._past and not self._policy.has_room(self.text):
            self._leave_out_half()

    def _leave_out_half(self) -> None:
        first, *later = self._past
        kept = later[(len(later) + 1) // 2 :]
        self._left_out += [turn.observation for turn in (later[: len(later) - len(kept)] if later else [first])]
        script = self._policy.make_script(self._world)
        if later:
            last = later[-1 - len(kept)]
            reply = script.write_reply(parse_reply(last.reply).action, last.subgoal, True, False)
            self._past = [first._replace(reply=reply, subgoal=last.subgoal), *kept]
        else:
            self._past = []
        shown = [*((turn.observation, turn.admissible) for turn in self._past), (self._observation, self.admissible)]
        script.open(shown[0][0], {**self._info, "admissible_actions": shown[0][1]}, self._left_out)
        for turn, (observation, admissible) in zip(self._past, shown[1:], strict=True):
            script.go_on(turn.reply, observation, admissible)
        self._script = script
        self._begin(script.reopen())

    def list_actions(self) -> list[str]:
        """Return the admissible actions that a reply can say."""
        return self._script.list_actions(self.admissible)

    def write(self, reply: Reply) -> str:
        """Return somebody else's reply as it is to be learned here.

        It switches where another subgoal than the open one is meant, and keeps the open one where not.
        """
        is_named = bool(reply.subgoal) and reply.subgoal != self.open_subgoal
        switches = self.open_subgoal is None or is_named or (reply.switches and not reply.subgoal)
        subgoal = reply.subgoal if switches else self.open_subgoal or ""
        return self._script.write_reply(reply.action, subgoal, switches, self.open_subgoal is not None)

    def _begin(self, text: str) -> None:
        self.text = self._policy.begin_text(text, self._script.marked)
