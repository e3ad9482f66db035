"""The shop through a real browser: a local server, a headless Chromium, and its document read back."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np

from webshop_server.catalogue.product_reader import mend_text
from webshop_server.extras import MissingExtraError
from webshop_server.shop.actions import parse_action, parse_click
from webshop_server.shop.page_text import join_rich_text, join_text
from webshop_server.shop.shop import Session, Shop
from webshop_server.site.app import LocalServer
from webshop_server.site.page_reader import read_nodes
from webshop_server.site.sessions import Site

_LOAD_SECONDS = 20.0
_BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_BROWSER_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--window-size=1280,1600",
)
_FIND_BUTTON = """
const buttons = Array.from(document.querySelectorAll('button[name=click]'));
return buttons.find(button => button.value === arguments[0]) || null;
"""
_MARK_PAGE = "window.isOldPage = true;"
_IS_NEW_PAGE = "return !window.isOldPage && document.readyState === 'complete';"
# The browser itself decodes its screenshot, so that no image library is needed.
_READ_PIXELS = """
const [screenshot, answer] = arguments;
const image = new Image();
image.onload = () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, image.width, image.height).data;
  let bytes = '';
  for (let i = 0; i < data.length; i += 4) bytes += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
  answer([image.height, image.width, btoa(bytes)]);
};
image.src = 'data:image/png;base64,' + screenshot;
"""
_FILL_SEARCH = "document.getElementById('query').value = arguments[0];"


class BrowserMissingError(MissingExtraError, RuntimeError):
    """No browser can be driven; the message says what to install."""


class Browser:
    """One browser window that acts in one session.

    Args:
        shop: The shop that is served.
        observation: "text", "text_rich" or "html": what `read` gives.

    Raises:
        BrowserMissingError: selenium or a browser is missing.
    """

    def __init__(self, shop: Shop, observation: str) -> None:
        self._driver = _start_driver()
        self._site = Site(shop)
        self._server = LocalServer(self._site)
        self._observation = observation
        self._address = ""

    def open(self, session: Session) -> None:
        """Show the page of a session."""
        self._address = f"{self._server.address}/s/{self._site.add(session)}"
        self._driver.get(self._address)

    def act(self, session: Session, action: str) -> None:
        """Carry out an action on the page, as far as the page offers it; a search is possible on every page."""
        action = mend_text(action)
        verb, argument = parse_action(action)
        click = parse_click(action)
        if verb == "search" and not session.is_done:
            self._search(argument)
        elif click:
            button = self._driver.execute_script(_FIND_BUTTON, click)
            if button is not None:
                self._leave_page(button.click)

    def read(self) -> str:
        """Return what the browser shows."""
        html: str = self._driver.page_source
        if self._observation == "html":
            return html
        nodes = read_nodes(html)
        return join_text(nodes) if self._observation == "text" else join_rich_text(nodes)

    def photograph(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return a picture of the window: bytes of red, green and blue, shape (height, width, 3)."""
        self._driver.set_script_timeout(_LOAD_SECONDS)
        screenshot = self._driver.get_screenshot_as_base64()
        height, width, content = self._driver.execute_async_script(_READ_PIXELS, screenshot)
        return np.frombuffer(base64.b64decode(content), dtype=np.uint8).reshape(height, width, 3).copy()

    def close(self) -> None:
        """Close the window and stop the server."""
        self._driver.quit()
        self._server.close()

    def _search(self, query: str) -> None:
        if self._driver.find_elements("id", "query"):
            self._driver.execute_script(_FILL_SEARCH, query)
            self._leave_page(self._driver.find_element("css selector", "form.search button").click)
        else:
            self._driver.get(f"{self._address}?query={quote(query)}")

    def _leave_page(self, go: Callable[[], None]) -> None:
        """Do something that leads to another page, and wait for that."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        self._driver.execute_script(_MARK_PAGE)
        go()
        wait = WebDriverWait(self._driver, _LOAD_SECONDS, 0.02, ignored_exceptions=[WebDriverException])
        wait.until(lambda driver: driver.execute_script(_IS_NEW_PAGE))


def _start_driver() -> Any:
    try:
        from selenium import webdriver
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.chrome.service import Service
    except ImportError:
        raise BrowserMissingError(
            "browser='selenium' needs selenium: run pip install 'hiper-suite[browser]', or use browser='inprocess'"
        ) from None
    options = webdriver.ChromeOptions()
    for option in _BROWSER_OPTIONS:
        options.add_argument(option)
    binary = next((path for name in _BROWSER_NAMES if (path := shutil.which(name))), None)
    if binary is None:
        raise BrowserMissingError(
            "browser='selenium' needs Chromium and its driver (on Debian: apt install chromium chromium-driver); "
            "or use browser='inprocess'"
        )
    options.binary_location = binary
    try:
        return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    except WebDriverException as error:
        raise BrowserMissingError(f"the browser {binary} does not start: {error.msg}") from error
