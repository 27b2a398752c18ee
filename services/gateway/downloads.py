"""A file to be kept, as an answer, and how large it is, in words."""

import io
from typing import Any

from flask import Response, send_file

from services.gateway.languages import Language


def file(answer: Any) -> Response:
    """Return the answer that a file (`data`, `file_name`, `media_type`) is; never shown in place.

    What it is was told from its content by the service, and browsers guess nothing (`nosniff`).
    """
    response = send_file(
        io.BytesIO(answer.data),
        mimetype=answer.media_type,
        as_attachment=True,
        download_name=answer.file_name,
        conditional=False,
        etag=False,
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def size(language: Language, count: int) -> str:
    """Return a number of bytes in the largest fitting unit."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            text = f"{value:.0f}" if unit == "B" else f"{value:.1f}"
            return f"{text.replace('.', ',') if language == 'vi' else text} {unit}"
        value /= 1024
    raise AssertionError
