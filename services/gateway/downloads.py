"""A file to be kept, as an answer, and how large it is, in words."""

import io
from typing import Any, Literal
from urllib.parse import quote

from flask import Response, send_file

from services.gateway.languages import Language


def file(answer: Any) -> Response:
    """Return the answer that a file (`data`, `file_name`, `media_type`) is; never shown in place.

    What it is was told from its content by the service, and browsers guess nothing (`nosniff`).
    """
    response = send_file(
        io.BytesIO(answer.data),
        mimetype=answer.media_type,
        conditional=False,
        etag=False,
    )
    response.headers["Content-Disposition"] = disposition("attachment", answer.file_name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def disposition(kind: Literal["attachment", "inline"], name: str) -> str:
    """Return the value of Content-Disposition for a file of any name (RFC 6266)."""
    plain = "".join(
        it if it.isascii() and it.isprintable() and it not in '"\\/' else "_" for it in name
    )
    said = f'{kind}; filename="{plain}"'
    if plain == name:
        return said
    return f"{said}; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def size(language: Language, count: int) -> str:
    """Return a number of bytes in the largest fitting unit."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            text = f"{value:.0f}" if unit == "B" else f"{value:.1f}"
            return f"{text.replace('.', ',') if language == 'vi' else text} {unit}"
        value /= 1024
    raise AssertionError
