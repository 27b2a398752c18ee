"""Files of the kinds that go with proposals, as small as they can be."""

import io
import zipfile

PDF = b"%PDF-1.7 \x00\xff"
PNG = b"\x89PNG\r\n\x1a\n\x00"
WEBP = b"RIFF\x04\x00\x00\x00WEBPVP8 "


def archive(*parts: str, first: tuple[str, bytes] | None = None) -> bytes:
    """A zip file of parts, its first one not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        if first is not None:
            made.writestr(zipfile.ZipInfo(first[0]), first[1])
        for part in parts:
            made.writestr(part, b"<xml/>", zipfile.ZIP_DEFLATED)
    return out.getvalue()


def office(folder: str, *more: str) -> bytes:
    """A document of Word ("word"), Excel ("xl") or PowerPoint ("ppt")."""
    return archive("[Content_Types].xml", f"{folder}/main.xml", *more)


def opened(kind: str, *more: str) -> bytes:
    """An OpenDocument: "text", "spreadsheet" or "presentation"."""
    media_type = f"application/vnd.oasis.opendocument.{kind}".encode()
    return archive("content.xml", *more, first=("mimetype", media_type))
