"""The milestones on the way to a WebShop goal."""

from collections.abc import Callable, Mapping
from functools import partial

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


class BasketMilestones:
    """The milestones of several goals that are shopped for one after the other: those of each, "2: item opened".

    Args:
        shop: The shop.
        num_goals: How many goals there are.
        count_bought: Returns how many have been bought for.
        get_session: Returns the session in which the goal of a number, from 0, is shopped for, as it is now.
    """

    def __init__(
        self, shop: Shop, num_goals: int, count_bought: Callable[[], int], get_session: Callable[[int], Session]
    ) -> None:
        self._count_bought = count_bought
        self._parts = [ShoppingMilestones(shop, partial(get_session, number)) for number in range(num_goals)]
        self._at = count_bought()
        self.names = tuple(_number(index, name) for index, part in enumerate(self._parts) for name in part.names)

    def watch(self, action: str, observation: str) -> list[str]:
        """Take a turn; return the milestones that it reached for the first time."""
        if self._at == len(self._parts):
            return []
        new = [_number(self._at, name) for name in self._parts[self._at].watch(action, observation)]
        self._at = self._count_bought()
        return new


def _number(index: int, name: str) -> str:
    return f"{index + 1}: {name}"


def _name_option(key: str) -> str:
    return f"option {key} right"
