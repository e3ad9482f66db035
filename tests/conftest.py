"""Fixtures for all tests."""

import gzip
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from hypothesis import settings

from hiper_envs import UnicodeText
from tests.products import DATA, make_raw
from webshop_server import Catalogue

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small networks run faster on one thread, and repeatably

# A busy machine is no fault of an example.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# A shell's background job ignores Ctrl-C and hands that down to the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded behaviour and real data beside the checkout; tests that need it skip without it."""
    folder = Path(os.environ.get("HIPER_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no recorded data at {folder}: set HIPER_SHARED to the folder that holds gold/ and data/")
    return folder


@pytest.fixture(scope="session")
def small_catalogue() -> Catalogue:
    """Fifty mugs."""
    return Catalogue.from_raw(make_raw(f"B0000000{number:02}") for number in range(50))


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of this test run for catalogues built from real files."""
    folder = tmp_path_factory.mktemp("webshop-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEBSHOP_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real_catalogue(shared: Path, cache_folder: Path) -> Catalogue:
    """The 1,000 real products."""
    pytest.importorskip("spacy", reason="nouns of real titles need the extra spacy")
    return Catalogue.load(shared / DATA)


@pytest.fixture(scope="session")
def read_gold(shared: Path) -> Any:
    """Reads a file of recorded behaviour: all lines of a gzipped one, or one JSON value."""

    def read(name: str) -> Any:
        path = shared / "gold" / "webshop" / name
        if path.suffix != ".gz":
            return json.loads(path.read_text(encoding="utf-8"))
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    return read


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A window of a real browser; tests that need it skip without one."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: install hiper-suite[browser]")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (binary and driver):
        pytest.skip("needs a browser: install the system packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    still = "--force-prefers-reduced-motion"  # a click on what is still scrolling goes astray
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000", still):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield window
    window.quit()


class CorridorEnv(gym.Env[str, str]):
    """A corridor to walk to its end; small enough to reason about every turn."""

    metadata: dict[str, Any] = {}  # noqa: RUF012  Gymnasium declares it so
    tasks = ("corridor-2", "corridor-3", "corridor-5")

    def __init__(self, step_reward: float = -0.125) -> None:
        self.step_reward = step_reward
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText(samples=("forward", "back", "wait"))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        super().reset(seed=seed)
        task = (options or {}).get("task")
        if task is None:
            task = int(self.np_random.integers(len(self.tasks)))
        self.task_id = self.tasks[task] if isinstance(task, int) else task
        self.length = int(self.task_id.split("-")[1])
        self.position = 0
        return self._text(), self._info()

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        self.position = max(0, self.position + {"forward": 1, "back": -1}.get(action, 0))
        is_won = self.position >= self.length
        return self._text(), 1.0 if is_won else self.step_reward, is_won, False, self._info()

    def _text(self) -> str:
        return f"You stand at {self.position} of {self.length}."

    def _info(self) -> dict[str, Any]:
        is_won = self.position >= self.length
        return {
            "task_id": self.task_id,
            "instruction": "walk to the end",
            "admissible_actions": ["forward", "back", "wait"],
            "success": is_won,
            "score": float(is_won),
        }


@pytest.fixture
def corridor() -> type[CorridorEnv]:
    """The class of the toy environment."""
    return CorridorEnv
