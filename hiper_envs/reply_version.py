"""The versions by which replies are read."""

REPLY_VERSION = 2
"""Counted up when a reply comes to mean something else; a record says which version its replies were read by."""


def check_version(version: int) -> None:
    """Refuse a version by which this suite cannot read replies.

    Raises:
        ValueError: It is none.
    """
    if version not in range(1, REPLY_VERSION + 1):
        raise ValueError(
            f"replies are read by version 1 to {REPLY_VERSION}, got {version!r}: a newer one needs a newer hiper-suite"
        )
