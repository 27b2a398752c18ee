"""Free TCP ports on this machine, and the ones a home directory prefers to use again."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
BELOW_OUTGOING = range(20_000, 32_000)


def free() -> int:
    """Return a port that nobody listens on now; another process may still take it first.

    Not from the range the kernel gives to outgoing connections: those would take the port between
    two uses of it, or even connect it to itself.
    """
    while not is_free(port := secrets.choice(BELOW_OUTGOING)):
        pass
    return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections on `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0
