"""WebShop as a Gymnasium environment: find a product that fits an instruction, choose its options, buy it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from hiper_envs.arguments import (
    check_action,
    check_render_mode,
    check_seed,
    choose_task,
    read_task_option,
    tell_wrong_state,
)
from hiper_envs.milestones import Milestones
from hiper_envs.spaces import UnicodeText
from hiper_envs.webshop.asins import check_shuffle, make_cipher
from hiper_envs.webshop.catalogues import check_digest, make_absolute, open_catalogue
from hiper_envs.webshop.milestones import ShoppingMilestones
from hiper_envs.webshop.tasks import WebShopTasks
from webshop_server.allowed_names import check_choice, refuse_unknown
from webshop_server.allowed_types import check_flag, check_integer
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
RENDER_MODES = {"inprocess": ("ansi",), "selenium": ("ansi", "rgb_array")}
SAMPLE_ACTIONS = (
    "search[red shoes]", "search[]", "search[naïve café 你好]", "click[next >]", "click[< prev]", "click[description]",
    "click[back to search]", "click[buy now]", "think[which one?]", "",
)  # fmt: skip
_SEED_LIMIT = 1 << 31
_OPENED_AGAIN = ("shop", "tasks", "_goals", "_draw_limits", "_browser")


class WebShopEnv(gym.Env[str, str]):
    """The shop as text: "search[words]" and "click[what]" lead to the next page, buying ends the episode.

    The reward is 0 until something is bought, then the score of the purchase, 0 to 1. Environments of one process
    share a catalogue.

    It can be pickled and deep-copied, in mid-episode too, and the copy plays on as the original does. The catalogue is
    not in the pickle: it is opened again by what `data` says. A copy with a browser opens a window of its own.

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
        shuffle_asins: Whether each episode calls the products otherwise; for the train splits only.
        render_mode: "ansi": `render` returns the text of the present page, whatever `observation` is; "rgb_array", for
            browser="selenium" only: a picture of the window; None: it returns nothing.

    Raises:
        ValueError: an argument is not among the allowed ones, the split is empty, a built catalogue is damaged, or
            its digest is another one.
        WrongTypeError: an argument has the wrong type.
        FileNotFoundError: `data` is a folder that is not there or lacks a file.
    """

    # Of the class: what any of its environments can do. Each environment has a list of its own.
    metadata: dict[str, Any] = {"render_modes": ["ansi", "rgb_array"], "render_fps": 1}  # noqa: RUF012
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
        render_mode: str | None = None,
        shuffle_asins: bool = False,
        **unknown: object,
    ) -> None:
        refuse_unknown(unknown, type(self).__init__)
        self.split = check_choice(split, SPLITS, "split")
        self._shuffles = check_shuffle(shuffle_asins, self.split, observation, browser, expert_plan)
        check_choice(goals, KINDS, "kind of goals")
        self._observation = check_choice(observation, OBSERVATIONS, "observation")
        check_choice(browser, BROWSERS, "browser")
        check_choice(compat, COMPAT_MODES, "compat")
        self._gives_plan = check_flag(expert_plan, "expert_plan")
        self._data = data
        self._catalogue_digest = catalogue_digest
        self._kind = (goals, check_integer(price_seed, "price_seed"), compat)
        self._acts_in_browser = browser == "selenium"
        self.metadata = {**self.metadata, "render_modes": [*RENDER_MODES[browser]]}
        self.render_mode = _check_render_mode(render_mode, browser)
        self._write = _choose_writer(observation)
        self._session: Session | None = None
        self._position = 0
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText(samples=SAMPLE_ACTIONS)
        self._open()
        self._data = make_absolute(data)

    def _open(self) -> None:
        """Open what environments of one make share, and the browser, which nobody shares."""
        catalogue = self._data if isinstance(self._data, Catalogue) else open_catalogue(self._data)
        check_digest(catalogue, self._catalogue_digest)
        self.shop, self._goals, self.tasks, self._draw_limits = _share(catalogue, self.split, *self._kind)
        self._browser = _start_browser(self.shop, self._observation) if self._acts_in_browser else None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Start an episode; ``options={"task": position or id}`` chooses its task, else one is drawn by weight.

        Raises:
            ValueError: an option or a task is unknown.
            WrongTypeError: a seed, options or a task of the wrong type.
        """
        seed, task = check_seed(seed), read_task_option(options)
        asked = None if task is None else self._find_task(task)
        super().reset(seed=seed)
        self._position = self._draw_task() if asked is None else asked
        self._session = self._begin(int(self.np_random.integers(_SEED_LIMIT)))
        if self._browser:
            self._browser.open(self._session)
        page = self._show()
        return self._observe(page), self._describe(page)

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Carry out an action; what is no action of the page leaves the page as it is.

        Raises:
            WrongTypeError: the action is no string.
        """
        action = check_action(action, "search[red shoes]")
        reward, is_over = self._take(action)
        page = self._show()
        return self._observe(page), reward, is_over, False, self._describe(page)

    def render(self) -> str | np.ndarray[Any, np.dtype[np.uint8]] | None:
        """Return the present page: its text, or a picture of the browser's window, shape (height, width, 3)."""
        page = self._show()
        if self.render_mode is None:
            gym.logger.warn('render has nothing to return: make the environment with render_mode="ansi"')
            return None
        if self._browser and self.render_mode == "rgb_array":
            picture: np.ndarray[Any, np.dtype[np.uint8]] = self._browser.photograph()
            return picture
        return write_text(page)

    def get_state(self) -> tuple[int, Session]:
        """Return a snapshot to come back to with `set_state`; it can be pickled."""
        return self._position, self._get_session().copy()

    def set_state(self, state: tuple[int, Session]) -> tuple[str, dict[str, Any]]:
        """Return to a snapshot; the observation and info there are returned.

        Raises:
            WrongTypeError: the state is none that `get_state` returned.
        """
        match state:
            case (int(position), Session() as session):
                self._position, self._session = position, session.copy()
            case _:
                raise tell_wrong_state(state)
        if self._browser:
            self._browser.open(self._session)
        page = self._show()
        return self._observe(page), self._describe(page)

    def group_of(self, task: str) -> str:
        """Return the asin of the product that a task's goal was made from; a product's goals are much alike.

        Raises:
            ValueError: the task is unknown.
        """
        return self._goals[self._find_task(task)].asin

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what environments share, and the browser."""
        kept = {name: value for name, value in self.__dict__.items() if name not in _OPENED_AGAIN}
        return {**kept, "_session": self._session.copy() if self._session else None}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Open again what was left out, and go on where the original stood."""
        self.__dict__.update(saved)
        self._open()
        if self._browser and self._session:
            self._browser.open(self._session)

    def make_milestones(self) -> Milestones:
        """Return what watches this episode for the milestones of its goal."""
        return ShoppingMilestones(self.shop, self._get_session)

    def close(self) -> None:
        """Close the browser, if there is one."""
        if self._browser:
            self._browser.close()

    def _begin(self, seed: int) -> Session:
        """Return the first session of an episode of the task at hand."""
        return Session(self._goals[self._position], seed)

    def _take(self, action: str) -> tuple[float, bool]:
        """Carry out an action; return its reward and whether the episode is over."""
        was_done = (session := self._get_session()).is_done
        if self._shuffles and session.kind == "results":
            action = make_cipher(session.seed).find_target(action)
        if self._browser:
            self._browser.act(session, action)
        else:
            self.shop.act(session, action)
        return (session.reward.total if session.reward and not was_done else 0.0), session.is_done

    def _show(self) -> Page:
        page, seed = self.shop.show(self._get_session()), self._get_session().seed
        return make_cipher(seed).hide_all(page) if self._shuffles else page

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
        position = self.tasks.find(choose_task(task, self.tasks, self.split, self.tasks.find_nearest))
        assert position is not None
        return position

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


def _check_render_mode(mode: Any, browser: str) -> str | None:
    """Return a render mode; a picture is refused where there is no browser to take it of."""
    modes = RENDER_MODES[browser]
    if mode == "rgb_array" and mode not in modes:
        raise ValueError(
            f"render_mode='rgb_array' is a picture of a browser's window and needs browser='selenium'; with {browser!r}"
            f" there is {', '.join(modes)}"
        )
    return check_render_mode(mode, modes)


def _choose_writer(observation: str) -> Any:
    if observation == "html":
        from webshop_server.site.page_html import write_html

        return write_html
    return write_text if observation == "text" else write_rich_text


def _start_browser(shop: Shop, observation: str) -> Any:
    from hiper_envs.webshop.browser import Browser

    return Browser(shop, observation)
