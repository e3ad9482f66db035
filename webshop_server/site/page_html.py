"""A page as HTML, for people and browsers; every text on it stands in an element of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from itertools import groupby

from jinja2 import BaseLoader, Environment, TemplateNotFound, select_autoescape
from markupsafe import Markup, escape

from webshop_server.shop.page_text import describe_parts
from webshop_server.shop.pages import SUB_PAGES, Option, Page

_FOLDER = "templates"


class _PlainLoader(BaseLoader):
    """Reads templates without indentation and empty lines: nothing but single line breaks between elements."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:
        try:
            source = resources.files("webshop_server.site").joinpath(_FOLDER, template).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TemplateNotFound(template) from None
        lines = [stripped for line in source.splitlines() if (stripped := line.strip())]
        return "\n".join(lines) + "\n", None, None


@cache
def _load_templates() -> Environment:
    return Environment(
        loader=_PlainLoader(), autoescape=select_autoescape(("html",)), trim_blocks=True, lstrip_blocks=True
    )


def write_html(page: Page, address: str = "") -> str:
    """Return a page as an HTML document.

    Args:
        page: What to show.
        address: Where its forms are sent; "" sends them back to the page's own address.
    """
    name = "sub" if page.kind in SUB_PAGES else page.kind
    values: dict[str, object] = {"page": page, "address": address, "clicked": _mark_clicked}
    values["button"] = lambda text, style="plain": _write_button(text, style, address)
    if page.product:
        values["groups"] = list(_group(page))
    if page.reward:
        values |= {"score": f"{page.reward.total:.4g}", "parts": describe_parts(page.reward)}
    return _load_templates().get_template(f"{name}.html").render(values)


def write_message(message: str) -> str:
    """Return an HTML document that says one thing and leads back to the start."""
    return _load_templates().get_template("message.html").render(message=message)


def _group(page: Page) -> Iterable[tuple[str, list[Option]]]:
    """Yield each option group with its values; groups without values too."""
    assert page.product is not None
    by_name = {name: list(options) for name, options in groupby(page.options, key=lambda option: option.name)}
    return ((name, by_name.get(name, [])) for name in page.product.options)


def _mark_clicked(is_clicked: bool) -> Markup:
    return Markup(' data-clicked aria-pressed="true"') if is_clicked else Markup("")


def _write_button(text: str, style: str, address: str) -> Markup:
    parts = {"text": text, "click": text.lower(), "style": style, "address": address}
    return Markup(
        '<form method="post" action="{address}"><button type="submit" name="click" value="{click}" class="{style}" '
        'data-role="button">{text}</button></form>'
    ).format(**{name: escape(value) for name, value in parts.items()})
