"""The milestones on the way to a WebShop goal."""

from collections.abc import Callable, Mapping

from webshop_server.shop.reward import SUCCESS_SCORE, is_match, normalise_color
from webshop_server.shop.shop import Session, Shop


class ShoppingMilestones:
    """The milestones of a WebShop goal: searched, item opened, each option right, bought.

    The item is the goal's product, and only there an option is right. Bought counts for the goal's product, and for
    another one that earns the full score.

    Args:
        shop: The shop.
        get_session: Returns the session as it is now.
    """

    def __init__(self, shop: Shop, get_session: Callable[[], Session]) -> None:
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
        is_item = product is not None and product.asin == self._goal.asin
        is_success = session.reward is not None and session.reward.total >= SUCCESS_SCORE
        is_true = {
            "searched": session.keywords is not None,
            "item opened": is_item,
            "bought": session.is_done and (is_item or is_success),
        }
        chosen = session.options
        for key, value in self._wanted.items():
            values = [chosen.get(key, "")] if isinstance(self._goal.options, Mapping) else list(chosen.values())
            is_right = any(is_match(normalise_color(one), normalise_color(value)) for one in values)
            is_true[_name_option(key)] = is_item and is_right
        new = [name for name in self.names if is_true[name] and name not in self._reached]
        self._reached.update(new)
        return new


def _name_option(key: str) -> str:
    return f"option {key} right"
