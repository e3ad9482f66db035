"""Signs that a run goes wrong, told in a sentence each while it can still be stopped."""

import math
from collections.abc import Iterator, Mapping

LOW_ENTROPY = 0.02
"""Of a turn's choices together, in nats: less than a coin that falls 997 times of 1,000 on the same side."""
FEW_VALID = 0.5
FAR_FACTOR = 3.0
LITTLE_EXPLAINED = 0.05
EXPLAINED = "explained_"


def find_troubles(metrics: Mapping[str, float], target_kl: float) -> Iterator[str]:
    """Yield what is amiss with an update.

    Args:
        metrics: Of the update, see `Trainer`.
        target_kl: How far an update may move the policy.
    """
    broken = [name for name, metric in metrics.items() if math.isinf(metric)]
    if broken:
        yield f"{', '.join(broken)} is no number: lower lr or max_gradient_norm"
    entropy = metrics.get("entropy", math.nan)
    if entropy < LOW_ENTROPY:
        yield (
            f"the choices' entropy is {entropy:.4f}: the policy hardly draws any more and has nothing to compare;"
            " raise entropy_coefficient or reference_coefficient, or begin with less imitation"
        )
    valid = metrics.get("valid", math.nan)
    if valid < FEW_VALID:
        what = "none" if not valid else f"only {valid:.0%}"
        yield f"{what} of the replies had a valid form and an admissible action: imitate longer, or decode with format"
    kl = metrics.get("kl", math.nan)
    if kl > FAR_FACTOR * target_kl:
        yield f"the policy moved by {kl:.3f} in an update, more than {FAR_FACTOR:g} times target_kl: lower lr"
    little = [
        name.removeprefix(EXPLAINED)
        for name, metric in metrics.items()
        if name.startswith(EXPLAINED) and metric < LITTLE_EXPLAINED
    ]
    if little:
        yield (
            f"the values before {' and '.join(little)} explain next to nothing of the returns: raise value_updates, or"
            " imitate longer, before the policy is trained on them"
        )
