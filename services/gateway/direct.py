"""HTTP to addresses of the settings, that goes nowhere else."""

import urllib.request
from typing import Any


class _Stay(urllib.request.HTTPRedirectHandler):
    """What is asked goes to the address that was set, wherever that one points to."""

    def redirect_request(self, *_: Any) -> None:
        """Follow no redirection: it is an answer that has nothing."""


OPENER = urllib.request.build_opener(_Stay)
