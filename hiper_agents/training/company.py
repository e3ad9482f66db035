"""Who else acts in an expert's episodes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Company:
    """Who acts beside the expert, and how often; what they do is not imitated."""

    policy_share: float = 0.0
    """Share of turns at which the policy acts, as it is now (as in DAgger, Ross et al., arXiv 1011.0686)."""
    disturbance: float = 0.0
    """Share of turns at which a disturbance begins, see `Disturber`."""
    temperature: float = 1.0
    """Of the policy's draws."""
