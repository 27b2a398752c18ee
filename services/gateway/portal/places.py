"""Pages of the portal that a browser comes back to once somebody signed in."""

from urllib.parse import urlsplit

from flask import Request

HOME = "/portal"
_SIGNING = f"{HOME}/sign-"
_LONGEST = 1_000


def asked(request: Request) -> str:
    """Return the page that was wanted first, an empty string for none or none of the portal's."""
    return _ours(request.values.get("next", ""))


def wanted(request: Request) -> str:
    """Return the page that shows what is asked for now: itself, or that of the form it sent."""
    if request.method == "GET":
        return _ours(request.full_path.removesuffix("?"))
    came = urlsplit(request.referrer or "")
    same = f"{came.scheme}://{came.netloc}/" == request.host_url
    return _ours(came.path) if same else ""


def _ours(path: str) -> str:
    ours = path.startswith((f"{HOME}/", f"{HOME}?")) and not path.startswith(_SIGNING)
    return path if ours and path.isprintable() and len(path) <= _LONGEST else ""
