"""Policies by name."""

from importlib import import_module

from hiper_agents.policies.policy import Policy
from webshop_server.allowed_names import check_choice
from webshop_server.allowed_types import check_flag

POLICIES = {"compact": "hiper_agents.policies.compact.policy:CompactPolicy"}
"""Name to module:class, imported when asked for."""


def make_policy(name: str, has_subgoals: bool) -> Policy:
    """Return a fresh policy, its weights drawn from torch's generator.

    Args:
        name: A name in `POLICIES`.
        has_subgoals: False for a flat one.

    Raises:
        ValueError: There is no such policy.
    """
    module, _, attribute = POLICIES[check_choice(name, POLICIES, "policy")].partition(":")
    flag = check_flag(has_subgoals, "has_subgoals")
    policy: Policy = getattr(import_module(module), attribute)(has_subgoals=flag)
    return policy
