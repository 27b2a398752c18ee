"""Attachments as parts of a mail: written once, for all mails of a content."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from chassis.attachments import Attachment
from services.notifier.channels.mime import parts
from services.notifier.domain.work import Content, Enclosure

_TOKEN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,59}")
_LONGEST = 60


def enclosure(content: Content, files: Mapping[str, bytes]) -> Enclosure:
    """The attachments of a content, their bytes by hash; raises `KeyError` for one not there."""
    # Of the content's hash: nobody can write into a content what it will hash to.
    boundary = f"=_mixed_{content.hash[:40]}"
    line = f"--{boundary}\r\n".encode()
    pieces: list[bytes] = []
    for it in content.attachments:
        pieces += [line, _header(it), parts.base64_lines(files[it.hash]), b"\r\n"]
    return Enclosure(boundary, b"".join([*pieces, f"--{boundary}--\r\n".encode()]))


def _header(attachment: Attachment) -> bytes:
    names = parameter("filename", attachment.name)
    fields = [
        ("Content-Type", attachment.media_type),
        ("Content-Disposition", ";\r\n ".join(["attachment", *names])),
        ("Content-Transfer-Encoding", "base64"),
    ]
    return f"{parts.written(fields)}\r\n".encode()


def parameter(name: str, value: str) -> Sequence[str]:
    """A parameter of RFC 2231: as it is when a plain word, otherwise in pieces that fit a line."""
    if _TOKEN.fullmatch(value):
        return [f"{name}={value}"]
    pieces = [""]
    for letter in value:
        # A letter stays in one piece: some readers decode each piece by itself.
        written = quote(letter, safe="", errors="replace")
        if len(pieces[-1]) + len(written) > _LONGEST:
            pieces.append("")
        pieces[-1] += written
    pieces[0] = f"utf-8''{pieces[0]}"
    if len(pieces) == 1:
        return [f"{name}*={pieces[0]}"]
    return [f"{name}*{at}*={piece}" for at, piece in enumerate(pieces)]
