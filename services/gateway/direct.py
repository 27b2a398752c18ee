"""HTTP to addresses of the settings, that goes nowhere else: by no redirection and no proxy."""

import urllib.request
from typing import Any


class _Stay(urllib.request.HTTPRedirectHandler):
    """What is asked goes to the address that was set, wherever that one points to."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirection: it is an answer that has nothing."""


# Without proxies of its own it takes those of the environment, which would see secrets of clients.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
