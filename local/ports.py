"""Free TCP ports on this machine, and the ones a home directory prefers to use again."""

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"
BELOW_OUTGOING = range(20_000, 32_000)


def free() -> int:
    """Return a port that nobody listens on now, and that no other house is given while we live.

    Not from the range the kernel gives to outgoing connections: those would take the port between
    two uses of it, or even connect it to itself.
    """
    while not (is_free(port := secrets.choice(BELOW_OUTGOING)) and reserve(port)):
        pass
    return port


def reserve(port: int) -> bool:
    """Keep `port` from being given to anybody else; False if it is kept already.

    Between choosing a port and listening on it two houses that start together would choose the
    same. The kernel forgets the name of a socket when its process ends, however it ends.
    """
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0mekong-port-{port}")
    except OSError:
        mark.close()
        return False
    _reserved.append(mark)
    return True


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


_reserved: list[socket.socket] = []


class Ports:
    """The ports of one installation: a fixed one by setting, else the one it had, else a free one.

    `MEKONG_LOCAL_GATEWAY_PORT` fixes the port named `gateway`. What was chosen is remembered in
    `file`, so that addresses stay the same from run to run.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment
        self._known: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
        self._given: dict[str, int] = {}

    def get(self, name: str) -> int:
        """Return the port of `name`. Raises SystemExit when a fixed one is wrong or taken."""
        if name not in self._given:
            self._given[name] = self._fixed(name) or self._remembered(name) or self._fresh()
            self._known[name] = self._given[name]
            self._file.write_text(json.dumps(self._known, indent=2))
        return self._given[name]

    def _fixed(self, name: str) -> int | None:
        variable = f"MEKONG_LOCAL_{name.upper().replace('-', '_')}_PORT"
        text = self._environment.get(variable, "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise SystemExit(f"{variable}: {text!r} is not a port")
        if not is_free(int(text)):
            raise SystemExit(f"{variable}: port {text} is taken")
        return int(text)

    def _remembered(self, name: str) -> int | None:
        port = self._known.get(name)
        if not port or port in self._given.values() or not is_free(port):
            return None
        reserve(port)  # whoever chose it for us may keep it already
        return port

    def _fresh(self) -> int:
        while (port := free()) in self._given.values() or port in self._known.values():
            pass
        return port
