"""Policies by name."""

from importlib import import_module
from typing import Any

from hiper_agents.policies.policy import Policy
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag

POLICIES = {
    "compact": "hiper_agents.policies.compact.policy:CompactPolicy",
    "language": "hiper_agents.policies.language.make:make_language_policy",
}
"""Name to module:class or function, imported when asked for."""


def make_policy(name: str, has_subgoals: bool, **options: Any) -> Policy:
    """Return a fresh policy, its weights drawn from torch's generator or those of a model that it begins with.

    Args:
        name: A name in `POLICIES`.
        has_subgoals: False for a flat one.
        **options: What this kind of policy can be told; the compact one nothing, others see their configuration.

    Raises:
        ValueError: There is no such policy or option.
    """
    module, _, attribute = POLICIES[check_choice(name, POLICIES, "policy")].partition(":")
    flag = check_flag(has_subgoals, "has_subgoals")
    if options and name == "compact":
        raise ValueError(f"the compact policy has no options, got {', '.join(options)}; leave policy_options out")
    policy: Policy = getattr(import_module(module), attribute)(has_subgoals=flag, **options)
    return policy
