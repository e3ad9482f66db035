"""WebShop as a Gymnasium environment: find a product that fits an instruction, choose its options, buy it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_envs.milestones import Milestones
from hiper_envs.spaces import UnicodeText
from hiper_envs.webshop.catalogues import check_digest, open_catalogue, shorten
from hiper_envs.webshop.milestones import ShoppingMilestones
from hiper_envs.webshop.tasks import WebShopTasks
from webshop_server.allowed_names import check_choice, refuse_unknown
from webshop_server.catalogue.catalogue import Catalogue
from webshop_server.catalogue.goals import KINDS, SPLITS, Goals
from webshop_server.shop.actions import make_searchable
from webshop_server.shop.page_text import write_rich_text, write_text
from webshop_server.shop.pages import Page
from webshop_server.shop.plan import plan_purchase
from webshop_server.shop.reward import SUCCESS_SCORE
from webshop_server.shop.shop import COMPAT_MODES, Session, Shop

OBSERVATIONS = ("text", "text_rich", "html")
BROWSERS = ("inprocess", "selenium")
RESET_OPTIONS = ("task",)
SAMPLE_ACTIONS = (
    "search[red shoes]", "search[]", "search[naïve café 你好]", "click[next >]", "click[< prev]", "click[description]",
    "click[back to search]", "click[buy now]", "think[which one?]", "",
)  # fmt: skip
_SEED_LIMIT = 1 << 31


class WebShopEnv(gym.Env[str, str]):
    """The shop as text: "search[words]" and "click[what]" lead to the next page, buying ends the episode.

    The reward is 0 until something is bought, then the score of the purchase, 0 to 1. Environments of one process
    share a catalogue.

    Args:
        split: "train", "eval" or "test" (the original's positions), "all", or "train_disjoint" and "test_disjoint",
            which share no product, and "eval_disjoint", some products of "train_disjoint" to choose settings by.
        data: None for the 1,000 generated products, "generated:5000" for more; a folder of the real files or a built
            catalogue, "real" for the folder in $WEBSHOP_DATA; or a `Catalogue`. See `open_catalogue`.
        goals: "synthetic" or "human".
        observation: "text", "text_rich" or "html".
        price_seed: Seed of prices and price limits.
        browser: "inprocess", or "selenium" to act through a real browser on the served site.
        compat: "fixed", or "original" for the original's faults that change what is shown, drawn or scored.
        expert_plan: Whether `info` carries "expert_plan", the actions that buy what is wanted (privileged).
        catalogue_digest: What the digest in the catalogue's manifest must be; None for any.

    Raises:
        ValueError: an argument is not among the allowed ones, the split is empty, a built catalogue is damaged, or
            its digest is another one.
        FileNotFoundError: `data` is a folder that is not there or lacks a file.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  Gymnasium declares it so
    group_key = "product"
    """What tasks share that `group_of` tells."""

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
        **unknown: object,
    ) -> None:
        refuse_unknown(unknown, type(self).__init__)
        check_choice(split, SPLITS, "split")
        check_choice(goals, KINDS, "kind of goals")
        check_choice(observation, OBSERVATIONS, "observation")
        check_choice(browser, BROWSERS, "browser")
        check_choice(compat, COMPAT_MODES, "compat")
        if isinstance(price_seed, bool) or not isinstance(price_seed, int):
            raise ValueError(f"price_seed must be an integer, not {price_seed!r}")
        catalogue = data if isinstance(data, Catalogue) else open_catalogue(data)
        check_digest(catalogue, catalogue_digest)
        self.shop, self._goals, self.tasks, self._draw_limits = _share(catalogue, split, goals, price_seed, compat)
        self._write = _choose_writer(observation)
        self._gives_plan = expert_plan
        self._session: Session | None = None
        self._position = 0
        self._browser = _start_browser(self.shop, observation) if browser == "selenium" else None
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText(samples=SAMPLE_ACTIONS)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode; ``options={"task": position or id}`` chooses its task, else one is drawn by weight.

        Raises:
            ValueError: an option or a task is unknown.
        """
        super().reset(seed=seed)
        for name in options or {}:
            check_choice(name, RESET_OPTIONS, "reset option")
        task = (options or {}).get("task")
        self._position = self._draw_task() if task is None else self._find_task(task)
        self._session = Session(self._goals[self._position], int(self.np_random.integers(_SEED_LIMIT)))
        if self._browser:
            self._browser.open(self._session)
        page = self.shop.show(self._session)
        return self._observe(page), self._describe(page)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Carry out an action; what is no action of the page leaves the page as it is.

        Raises:
            TypeError: the action is no string.
        """
        if not isinstance(action, str):
            raise TypeError(
                f"an action must be a string like 'search[red shoes]' or 'click[buy now]', not {type(action).__name__}"
            )
        session = self._get_session()
        was_done = session.is_done
        if self._browser:
            self._browser.act(session, action)
        else:
            self.shop.act(session, action)
        page = self.shop.show(session)
        reward = session.reward.total if session.reward and not was_done else 0.0
        return self._observe(page), reward, session.is_done, False, self._describe(page)

    def get_state(self) -> tuple[int, Session]:
        """Return a snapshot to come back to with `set_state`; it can be pickled."""
        return self._position, self._get_session().copy()

    def set_state(self, state: tuple[int, Session]) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; the observation and info there are returned.

        Raises:
            TypeError: the state is none that `get_state` returned.
        """
        match state:
            case (int(position), Session() as session):
                self._position, self._session = position, session.copy()
            case _:
                raise TypeError(f"expected a state that get_state() returned, not {shorten(state)}")
        if self._browser:
            self._browser.open(self._session)
        page = self.shop.show(self._session)
        return self._observe(page), self._describe(page)

    def group_of(self, task: str) -> str:
        """Return the asin of the product that a task's goal was made from; a product's goals are much alike.

        Raises:
            ValueError: the task is unknown.
        """
        return self._goals[self._find_task(task)].asin

    def make_milestones(self) -> Milestones:
        """Return what watches this episode for the milestones of its goal."""
        return ShoppingMilestones(self.shop, self._get_session)

    def close(self) -> None:
        """Close the browser, if there is one."""
        if self._browser:
            self._browser.close()

    def _get_session(self) -> Session:
        if self._session is None:
            raise gym.error.ResetNeeded("call reset() before anything else: there is no episode yet")
        return self._session

    def _draw_task(self) -> int:
        limits = self._draw_limits
        place = int(np.searchsorted(limits, self.np_random.random() * limits[-1], side="right"))
        if self.shop.is_original:
            place = min(place + 1, len(limits) - 1)
        return int(self.tasks.positions[min(place, len(limits) - 1)])

    def _find_task(self, task: object) -> int:
        num_tasks = len(self.tasks)
        if isinstance(task, str):
            position = self.tasks.find(task)
            if position is None:
                raise ValueError(f"unknown task {task!r}; this split has {num_tasks} tasks like {self.tasks[0]!r}")
            return position
        if isinstance(task, bool) or not isinstance(task, (int, np.integer)):
            raise ValueError(f"a task is its position in env.unwrapped.tasks or its id, not {task!r}")
        if not 0 <= task < num_tasks:
            raise ValueError(f"there is no task {task}; the {num_tasks} tasks of this split are 0 to {num_tasks - 1}")
        return int(self.tasks.positions[int(task)])

    def _observe(self, page: Page) -> str:
        text: str = self._browser.read() if self._browser else self._write(page)
        return text

    def _describe(self, page: Page) -> dict[str, Any]:
        session = self._get_session()
        score = session.reward.total if session.reward else 0.0
        info: dict[str, Any] = {
            "task_id": f"{self.tasks.kind}-{self._position}",
            "instruction": page.instruction,
            "admissible_actions": list_admissible_actions(page),
            "success": score >= SUCCESS_SCORE,
            "score": score,
            "has_search_bar": page.has_search_bar,
            "clickables": list(page.clickables),
        }
        if session.reward:
            info["reward_parts"] = session.reward.list_parts()
        if self._gives_plan:
            info["expert_plan"] = plan_purchase(self.shop, session)
        return info


def list_admissible_actions(page: Page) -> list[str]:
    """Return the actions that a page offers, each to be carried out as it stands."""
    if page.has_search_bar:
        return [f"search[{make_searchable(page.instruction)}]"]
    return [f"click[{text}]" for text in page.clickables if text]


@lru_cache(maxsize=16)
def _share(
    catalogue: Catalogue, split: str, kind: str, price_seed: int, compat: str
) -> tuple[Shop, Goals, WebShopTasks, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return what all environments of one make share: shop, goals, tasks and the running sums of their weights."""
    goals = catalogue.goals(kind, price_seed)
    positions = goals.source.list_positions(split)
    if not len(positions):
        raise ValueError(
            f"split {split!r} is empty: this catalogue has {len(goals)} {kind} goals; split='all' takes them all"
        )
    limits = np.cumsum(goals.source.list_weights(positions))
    return Shop(catalogue, price_seed, compat), goals, WebShopTasks(kind, positions), limits


def _choose_writer(observation: str) -> Any:
    if observation == "html":
        from webshop_server.site.page_html import write_html

        return write_html
    return write_text if observation == "text" else write_rich_text


def _start_browser(shop: Shop, observation: str) -> Any:
    from hiper_envs.webshop.browser import Browser

    return Browser(shop, observation)
