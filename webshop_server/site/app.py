"""The shop as a web site: thin HTTP over the same sessions and pages as everywhere else."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from webshop_server.site.page_html import write_html, write_message
from webshop_server.site.sessions import Site

MAX_FORM_BYTES = 1_000_000
_MAX_FIELDS = 8
_UNKNOWN_SESSION = "This session is not known here any more."
_START_SECONDS, _POLL_SECONDS = 20.0, 0.01
_SEE_OTHER, _NOT_FOUND, _TOO_LARGE = 303, 404, 413


def make_app(site: Site) -> Starlette:
    """Return the web application: "/" starts a session, "/goal/12" one for that goal, "/s/KEY" is a session's page."""
    pages = _Pages(site)
    routes = [
        Route("/", pages.start),
        Route("/goal/{position:int}", pages.start),
        Route("/s/{key}", pages.show, methods=["GET"]),
        Route("/s/{key}", pages.act, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={_NOT_FOUND: _tell_not_found})


class _Pages:
    """What the site answers to requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def start(self, request: Request) -> Response:
        """Start a session and lead to its page."""
        position = request.path_params.get("position")
        if position is not None and position >= len(self._site.goals):
            last = len(self._site.goals) - 1
            return _tell(f"There is no goal {position}; they are numbered 0 to {last}.", _NOT_FOUND)
        return RedirectResponse(f"/s/{self._site.open_goal(position)}", _SEE_OTHER)

    def show(self, request: Request) -> Response:
        """Show the page of a session; a query in the address is searched for first."""
        session = self._site.find(request.path_params["key"])
        if session is None:
            return _tell(_UNKNOWN_SESSION, _NOT_FOUND)
        if query := request.query_params.get("query"):
            self._site.shop.search(session, query)
            return RedirectResponse(request.url.path, _SEE_OTHER)
        return HTMLResponse(write_html(self._site.shop.show(session)), headers={"cache-control": "no-store"})

    async def act(self, request: Request) -> Response:
        """Carry out the search or click of a form, and lead back to the session's page."""
        session = self._site.find(request.path_params["key"])
        if session is None:
            return _tell(_UNKNOWN_SESSION, _NOT_FOUND)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MAX_FORM_BYTES:
                return _tell("That is too much text for one request.", _TOO_LARGE)
        try:
            form = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS))
        except ValueError:
            return _tell("That form has too many fields.", _TOO_LARGE)
        if "query" in form:
            self._site.shop.search(session, form["query"])
        else:
            self._site.shop.click(session, form.get("click", ""))
        return RedirectResponse(request.url.path, _SEE_OTHER)


def _tell(message: str, status: int) -> Response:
    return HTMLResponse(write_message(message), status)


def _tell_not_found(request: Request, _: Any) -> Response:
    return _tell(f"There is no page {request.url.path} in this shop.", _NOT_FOUND)


def serve(site: Site, listener: socket.socket) -> None:
    """Serve a site at a listening socket until interrupted."""
    server = uvicorn.Server(uvicorn.Config(make_app(site), log_level="warning"))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class LocalServer:
    """A site served to this machine only, on a free port, as long as the object is open.

    Attributes:
        address: Where it is found ("http://127.0.0.1:45101").

    Raises:
        RuntimeError: it does not start.
    """

    def __init__(self, site: Site) -> None:
        config = uvicorn.Config(make_app(site), host="127.0.0.1", port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        stop = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > stop or not self._thread.is_alive():
                raise RuntimeError("the local shop server did not start")
            time.sleep(_POLL_SECONDS)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join(_START_SECONDS)
