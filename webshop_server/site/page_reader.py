"""From the HTML of a page back to its pieces of visible text, as a browser's document gives it."""

from __future__ import annotations

from html.parser import HTMLParser

from webshop_server.shop.page_text import Node

_INVISIBLE = frozenset({"head", "title", "style", "script", "meta"})
_WITHOUT_END = frozenset({"meta", "input", "br", "img", "link", "hr"})


def read_nodes(html: str) -> list[Node]:
    """Return the visible pieces of text of an HTML page, in order; single line breaks between elements do not show."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.nodes


class _Reader(HTMLParser):
    """Walks the elements and keeps the text outside of those that do not show."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[Node] = []
        self._open: list[tuple[str, str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _WITHOUT_END:
            names = dict(attrs)
            self._open.append((tag, names.get("data-role") or "text", "data-clicked" in names))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data == "\n" or not self._open or any(tag in _INVISIBLE for tag, _, _ in self._open):
            return
        _, role, is_clicked = self._open[-1]
        self.nodes.append(Node(data, role, is_clicked))
