"""How an episode becomes the text that a language model reads, and a turn the reply that it is to write.

A `Script` writes one episode. The text only grows: after each reply comes what the world said to it, and nothing that
was written is written anew, so that no token is read twice. It holds what the policy may know and nothing else: the
observations, the task's sentence, the admissible actions as far as the layout lists them, the replies.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from hiper_agents.policies.language.alfworld_layout import ALFWorldScript
from hiper_agents.policies.language.chat_layout import ChatScript
from hiper_agents.policies.language.compact_layout import CompactScript
from hiper_agents.policies.language.webshop_layout import WebShopScript
from hiper_envs.prompts import PromptConfig
from webshop_server.allowed_names import check_choice

LAYOUTS = ("compact", "chat")
_COMPACT: Mapping[str, type[CompactScript]] = {
    "alfworld": ALFWorldScript,
    "webshop": WebShopScript,
    "plain": CompactScript,
}


class Script(Protocol):
    """Writes one episode, from its first observation on.

    Attributes:
        marked: A text whose tokens are marked for a small model wherever they stand: the task's sentence; "" for a
            layout that marks none. Known once the episode is open; another one once another goal falls due.
    """

    marked: str

    def open(self, observation: str, info: Mapping[str, Any], left_out: Sequence[str] = ()) -> str:
        """Begin the episode and return the text of the first turn, up to where its reply begins.

        Args:
            observation: The first observation.
            info: What came with it; only `instruction` and `admissible_actions` are read.
            left_out: What was observed before the next turn and is not shown: it says which goal is due.
        """

    def go_on(self, reply: str, observation: str, admissible: Sequence[str]) -> str | None:
        """Return the text to add after the reply's tokens, up to where the next reply begins.

        Args:
            reply: What was said.
            observation: What came of it.
            admissible: The actions that are admissible now.

        Returns:
            None if the text cannot go on behind what was said: a chat template writes the past anew, another goal
            falls due, so that other tokens are marked, or the text would get longer than allowed. Then `reopen` has
            the whole text to start over with.
        """

    def reopen(self) -> str:
        """Return the whole text so far, up to where the next reply begins."""

    def write_reply(self, action: str, subgoal: str, switches: bool, is_open: bool) -> str:
        """Write a reply as it is to be learnt.

        Args:
            action: The primitive action.
            subgoal: The subgoal that holds from this turn on.
            switches: Whether a new segment is declared.
            is_open: Whether a segment is open already; the first turn opens one in any case.
        """

    def list_actions(self, admissible: Sequence[str]) -> list[str]:
        """Return the actions to choose among: those that are admissible and can be said in a reply."""


def make_script(
    layout: str, world: str, has_subgoals: bool, tokenizer: Any = None, prompt: PromptConfig | None = None
) -> Script:
    """Return what writes an episode.

    Args:
        layout: "compact" or "chat".
        world: "alfworld", "webshop" or "plain", as `recognise_world` says.
        has_subgoals: False for a flat agent.
        tokenizer: The model's; needed by "chat", for its template.
        prompt: How prompts are written in "chat"; of it "compact" takes the limit of characters alone, and has none
            without it.

    Raises:
        ValueError: There is no such layout or world, a chat has no tokenizer, or its prompts' style is not for such an
            agent.
    """
    check_choice(layout, LAYOUTS, "layout")
    check_choice(world, _COMPACT, "world")
    if layout == "chat":
        if tokenizer is None:
            raise ValueError("the layout 'chat' is written by a tokenizer's chat template: give tokenizer=")
        return ChatScript(tokenizer, world, has_subgoals, prompt)
    return _COMPACT[world](has_subgoals, prompt.max_characters if prompt else None)
