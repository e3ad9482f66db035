"""The socket that the site is served from, bound before anything is said about its address."""

from __future__ import annotations

import socket

LAST_PORT = 65_535


class AddressError(ValueError):
    """The site cannot be served at this address."""


def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Args:
        host: Name or number of an address of this machine.
        port: 1 to 65535, or 0 for any free one.

    Raises:
        AddressError: the port does not exist or is taken, or the host is none of this machine.
    """
    if not 0 <= port <= LAST_PORT:
        raise AddressError(f"there is no port {port}; allowed: 1 to {LAST_PORT}, or 0 for any free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise AddressError(
            f"there is no host {host!r} ({_tell(error)}); 127.0.0.1 is this machine only, 0.0.0.0 all its addresses"
        ) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise AddressError(
            f"cannot serve at host {host}, port {port}: {_tell(error)}; choose another --port (0 for any free one) or "
            "--host"
        ) from error
    return listener


def write_address(listener: socket.socket) -> str:
    """Return the web address of a socket: "http://127.0.0.1:3000"."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _tell(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return (reason or str(error)).lower()
