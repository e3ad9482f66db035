"""Any causal language model on this machine as an agent: a trained one as it was trained, any other with a prompt."""

from pathlib import Path
from typing import Any

from hiper_agents.agents.language import LanguageAgent
from hiper_agents.agents.language_policy import LanguagePolicyAgent, open_language_policy, set_threads
from hiper_agents.policies.language.make import holds_policy
from hiper_agents.policies.language.model import LanguageModel
from webshop_server.allowed_names import refuse_unknown


def make_local_agent(
    source: str | Path | LanguageModel, *, num_threads: int | None = 1, **options: Any
) -> LanguageAgent | LanguagePolicyAgent:
    """Return an agent that draws its replies from a model on this machine.

    Args:
        source: A folder that training saved, any folder that transformers saved, a model's name on the hub, or a model
            that is loaded already.
        num_threads: Threads for torch, in the whole process, see `set_threads`.
        **options: Of a trained policy: as `open_language_policy` takes them. Of any other model: as `LanguageAgent`
            does.

    Raises:
        ModelError: The model cannot be had.
        ValueError: An option is wrong, or is none of this kind of model.
    """
    if isinstance(source, str | Path) and holds_policy(source):
        if "prompt" in options:
            raise ValueError(
                f"{str(source)!r} holds a trained policy, which reads what it was trained on: leave prompt out, or"
                " prompt it with hiper_agents.agents.language.LanguageAgent"
            )
        refuse_unknown(options, open_language_policy)
        return open_language_policy(source, num_threads=num_threads, **options)
    refuse_unknown(options, LanguageAgent)
    set_threads(num_threads)
    return LanguageAgent(source, **options)
