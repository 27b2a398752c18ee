"""A document to print, as an answer."""

from typing import Any

from flask import Response

from services.gateway import downloads

MIMETYPE = "application/pdf"


def file(answer: Any) -> Response:
    """Return the answer that a document (`data`, `file_name`) is; shown, or kept under its name."""
    response = Response(answer.data, mimetype=MIMETYPE)
    response.headers["Content-Disposition"] = downloads.disposition("inline", answer.file_name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
