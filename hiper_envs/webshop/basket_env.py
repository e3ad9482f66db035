"""Several products under one budget, bought one after the other, as a Gymnasium environment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.wrappers import TimeLimit

from hiper_envs.arguments import tell_wrong_state
from hiper_envs.milestones import Milestones
from hiper_envs.registration import WEBSHOP_MAX_TURNS
from hiper_envs.webshop.baskets import (
    MOST_PRODUCTS,
    BasketSource,
    describe_purchases,
    is_success,
    list_parts,
    price_left,
    score_basket,
)
from hiper_envs.webshop.env import WebShopEnv
from hiper_envs.webshop.milestones import BasketMilestones
from hiper_envs.webshop.tasks import WebShopTasks
from webshop_server.allowed_names import check_choice, refuse_unknown
from webshop_server.allowed_types import check_integer
from webshop_server.catalogue.catalogue import Catalogue
from webshop_server.catalogue.goals import Goals
from webshop_server.shop.actions import make_searchable
from webshop_server.shop.pages import Page
from webshop_server.shop.plan import plan_purchase
from webshop_server.shop.shop import Session

REWARDS = ("sparse", "per_goal")
_MADE_AGAIN = ("_source", "_basket")


class WebShopBasketEnv(WebShopEnv):
    """The shop for a basket of goals: the i-th purchase counts for the i-th goal, the last one ends the episode.

    The instruction names all goals and one budget. A purchase before the last opens the search page again, with a line
    that tells what was bought and what is left of the budget, and on that page the one admissible action searches for
    what is said of the goal at hand. A purchase is scored as in the plain world, but that its price fits if it is not
    above what is left of the budget. The score is the mean over the goals of the purchases' rewards, at any time, goals
    without a purchase counting as 0; success is the full score for every one.

    With one product it is the plain world. `info` has in addition `goals_bought`, the number of purchases so far, and
    at the end the `reward_parts` of all purchases, by the goal's number ("2: r_type"; of a single one "r_type").

    Args:
        split: As in `WebShopEnv`, and so are the others. A task is named by its first goal. Goals with fewer than
            `num_products` products in exactly the same splits have no basket.
        data: The catalogue.
        goals: "synthetic" or "human".
        observation: "text", "text_rich" or "html".
        price_seed: Seed of prices and price limits.
        browser: "inprocess" or "selenium".
        compat: "fixed" or "original".
        expert_plan: Whether `info` carries "expert_plan", the actions that buy all that is wanted (privileged).
        catalogue_digest: What the digest in the catalogue's manifest must be; None for any.
        render_mode: "ansi", with a browser "rgb_array" too, or None.
        shuffle_asins: Whether each episode calls the products otherwise; for the train splits only.
        num_products: How many goals a basket has, 1 to 8.
        reward: "sparse": the score, when the last purchase is made; "per_goal": each purchase's share of it at once.
        max_turns: Turns after which `gym.make` has an episode truncated; None for 15 times `num_products`.

    Raises:
        ValueError: As in `WebShopEnv`; or no goal of the split has a basket.
        WrongTypeError: An argument has the wrong type.
        FileNotFoundError: `data` is a folder that is not there or lacks a file.
    """

    def __init__(
        self,
        split: str = "train",
        data: str | Path | Catalogue | None = None,
        goals: str = "synthetic",
        observation: str = "text",
        price_seed: int = 0,
        browser: str = "inprocess",
        compat: str = "fixed",
        expert_plan: bool = False,
        catalogue_digest: str | None = None,
        render_mode: str | None = None,
        shuffle_asins: bool = False,
        num_products: int = 3,
        reward: str = "sparse",
        max_turns: int | None = None,
        **unknown: object,
    ) -> None:
        refuse_unknown(unknown, type(self).__init__)
        self.num_products = _check_number(num_products)
        self._pays_at_once = check_choice(reward, REWARDS, "reward") == "per_goal"
        turns = WEBSHOP_MAX_TURNS * self.num_products
        self.max_turns = turns if max_turns is None else check_integer(max_turns, "max_turns", 1)
        self._bought: tuple[Session, ...] = ()
        super().__init__(
            split,
            data,
            goals,
            observation,
            price_seed,
            browser,
            compat,
            expert_plan,
            catalogue_digest,
            render_mode,
            shuffle_asins,
        )

    # A basket's snapshot has what was bought beside the plain world's two parts, so it is of another type.
    def get_state(self) -> tuple[int, Session, tuple[Session, ...]]:  # type: ignore[override]
        """Return a snapshot to come back to with `set_state`; it can be pickled."""
        position, session = super().get_state()
        return position, session, self._bought

    def set_state(self, state: tuple[int, Session, tuple[Session, ...]]) -> tuple[str, dict[str, Any]]:  # type: ignore[override]
        """Return to a snapshot; the observation and info there are returned.

        Raises:
            WrongTypeError: the state is none that `get_state` returned.
        """
        match state:
            case (int(position), Session() as session, tuple(bought)) if self._has_state(position, session, bought):
                self._basket, self._bought = self._source.find(position), bought
                return super().set_state((position, session))
        raise tell_wrong_state(state)

    def make_milestones(self) -> Milestones:
        """Return what watches this episode for the milestones of its goals: "2: bought", of a single one "bought"."""
        if self.num_products == 1:
            return super().make_milestones()
        return BasketMilestones(self.shop, self.num_products, self._count_bought, self._session_of)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what environments share, what follows from the task, and the browser."""
        return {name: value for name, value in super().__getstate__().items() if name not in _MADE_AGAIN}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Open again what was left out, and go on where the original stood."""
        super().__setstate__(saved)
        if self._session:
            self._basket = self._source.find(self._position)

    def _open(self) -> None:
        super()._open()
        self._source, self.tasks, self._draw_limits = _share(self._goals, self.tasks, self.split, self.num_products)

    def _begin(self, seed: int) -> Session:
        self._basket, self._bought = self._source.find(self._position), ()
        return self._basket.open_session(0, self._basket.budget, seed)

    def _take(self, action: str) -> tuple[float, bool]:
        was_over = len(self._bought) == self.num_products
        total, is_bought = super()._take(action)
        if was_over or not is_bought:
            return 0.0, was_over
        self._bought = (*self._bought, self._get_session())
        is_over = len(self._bought) == self.num_products
        if self.num_products > 1:
            self._go_on(is_over)
        if self._pays_at_once:
            return total / self.num_products, is_over
        return score_basket(self._basket, self._bought) if is_over else 0.0, is_over

    def _go_on(self, is_over: bool) -> None:
        """Tell of the purchase, on the last page or on the search page for the next goal."""
        session, notice = self._get_session(), describe_purchases(self._basket, self.shop, self._bought)
        if is_over:
            session.notice = notice
        else:
            left = price_left(self._basket, self.shop, self._bought)
            session = self._session = self._basket.open_session(len(self._bought), left, session.seed, notice)
        if self._browser:
            self._browser.open(session)

    def _count_bought(self) -> int:
        return len(self._bought)

    def _session_of(self, number: int) -> Session:
        """Return the session in which a goal is, was or will be shopped for."""
        if number < len(self._bought):
            return self._bought[number]
        session = self._get_session()
        if number == len(self._bought):
            return session
        return self._basket.open_session(number, self._basket.budget, session.seed)

    def _has_state(self, position: int, session: Session, bought: tuple[object, ...]) -> bool:
        """Return whether these could be a state of this environment."""
        if isinstance(position, bool) or f"{self.tasks.kind}-{position}" not in self.tasks:
            return False
        are_purchases = all(isinstance(each, Session) and each.is_done for each in bought)
        is_over = len(bought) == self.num_products
        fits = session.goal.instruction == self._source.find(position).instruction
        return are_purchases and len(bought) <= self.num_products and session.is_done == is_over and fits

    def _describe(self, page: Page) -> dict[str, Any]:
        info = super()._describe(page)
        info["goals_bought"] = len(self._bought)
        if self.num_products == 1:
            return info
        info["score"] = score_basket(self._basket, self._bought)
        info["success"] = is_success(self._basket, self._bought)
        if page.has_search_bar:
            text = self._basket.texts[len(self._bought)]
            info["admissible_actions"] = [f"search[{make_searchable(text)}]"]
        if len(self._bought) == self.num_products:
            info["reward_parts"] = list_parts(self._bought)
        if self._gives_plan:
            for number in range(len(self._bought) + 1, self.num_products):
                info["expert_plan"] += plan_purchase(self.shop, self._session_of(number))
        return info


def make_basket_env(**options: Any) -> TimeLimit[str, str]:
    """Return a `WebShopBasketEnv` with its limit of turns, which Gymnasium's registry cannot tell: it hangs on options.

    `gym.make(..., max_episode_steps=...)` can cut episodes shorter; `max_turns` makes them longer.
    """
    env = WebShopBasketEnv(**options)
    return TimeLimit(env, env.max_turns)


make_basket_env.metadata = WebShopBasketEnv.metadata  # type: ignore[attr-defined]  # gym.make looks for render modes there


def _check_number(num_products: Any) -> int:
    number = check_integer(num_products, "num_products", 1)
    if number > MOST_PRODUCTS:
        raise ValueError(f"num_products must be an integer from 1 to {MOST_PRODUCTS}, got {number}")
    return number


@lru_cache(maxsize=16)
def _share(
    goals: Goals, tasks: WebShopTasks, split: str, num_products: int
) -> tuple[BasketSource, WebShopTasks, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return what all environments of one make share: baskets, tasks and the running sums of their weights."""
    source = BasketSource(goals, num_products)
    positions = source.select(tasks.positions)
    if not len(positions):
        raise ValueError(
            f"split {split!r} has no basket of {num_products} products: its goals were made from too few; lower "
            "num_products, or open a larger catalogue"
        )
    return source, WebShopTasks(tasks.kind, positions), np.cumsum(goals.source.list_weights(positions))
