"""Which files go with proposals: kinds that a customer can open and that run nothing.

A kind is told from the content and must be what the name says. Formats in which a program cannot
be told from a text (those of old office programs, archives, web pages) do not go.
"""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

from chassis import attachments
from chassis.attachments import Attachment, File
from chassis.errors import FieldViolation

RESOURCE = "proposal_attachment"

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"

MEDIA_TYPES: Mapping[str, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "odt": f"{_OPEN}.text",
    "ods": f"{_OPEN}.spreadsheet",
    "odp": f"{_OPEN}.presentation",
}
"""What goes, by the ending of its name."""

# Office Open XML: what the folder of the main part is called.
_FOLDERS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/"}
# Parts of documents that hold programs, in both families.
_PROGRAMS = ("xl/macrosheets/", "basic/", "scripts/")
_PROGRAM_FILE = "vbaproject.bin"


def violations(held: Sequence[Attachment], file: File, of: str) -> list[FieldViolation]:
    """Return what forbids a file beside those `held`; `of` is what holds them ("a proposal")."""
    return attachments.violations(held, file, of=of, name=_name, data=_data)


def described(file: File) -> Attachment:
    """Return what is kept of a file that nothing forbids, beside its bytes."""
    return file.attachment(MEDIA_TYPES[file.extension])


def exchanged(
    held: Sequence[Attachment], old: Sequence[Attachment], new: Sequence[Attachment]
) -> tuple[Attachment, ...]:
    """Return the files of a proposal that goes from a template's files to another's.

    What the old template gave and the new one lacks goes; what is new comes, unless the proposal
    has its own of that name; what was taken from the proposal by hand stays away.
    """
    kept = [it for it in held if it not in old or it in new]
    fresh = [it for it in new if it not in old and not attachments.taken(kept, it.name)]
    return attachments.added(kept, *fresh)


def _name(file: File) -> str:
    if file.extension in MEDIA_TYPES:
        return ""
    return f"files of this kind are not sent, only {', '.join(MEDIA_TYPES)}"


def _data(file: File) -> str:
    told = _CONTENTS.get(file.extension)
    if told is None:
        return ""  # the name is refused already
    if not told(file.data):
        return "the file is not what its name says"
    if any(_is_program(part) for part in _parts(file.data)):
        return "the file holds macros, which are programs"
    return ""


def _begins(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(marks)


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _is_office(folder: str) -> Callable[[bytes], bool]:
    def told(data: bytes) -> bool:
        parts = _parts(data)
        return "[Content_Types].xml" in parts and any(it.startswith(folder) for it in parts)

    return told


def _is_open(media_type: str) -> Callable[[bytes], bool]:
    # Its first part, not compressed and without extra field, says what it is.
    mark = b"mimetype" + media_type.encode()

    def told(data: bytes) -> bool:
        # What follows is the next part, and no longer name such as "...text-master".
        return data[30:].startswith(mark + b"PK") and "mimetype" in _parts(data)

    return told


def _parts(data: bytes) -> Sequence[str]:
    """Return the names of what a zip archive holds, without unpacking; nothing for what is none."""
    if not data.startswith(b"PK\x03\x04"):
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except Exception:  # whatever the library makes of a broken one
        return ()


def _is_program(part: str) -> bool:
    name = part.casefold()
    return name.startswith(_PROGRAMS) or name.endswith(_PROGRAM_FILE)


_CONTENTS: Mapping[str, Callable[[bytes], bool]] = {
    "pdf": _begins(b"%PDF-"),
    "png": _begins(b"\x89PNG\r\n\x1a\n"),
    "jpg": _begins(b"\xff\xd8\xff"),
    "jpeg": _begins(b"\xff\xd8\xff"),
    "gif": _begins(b"GIF87a", b"GIF89a"),
    "webp": _is_webp,
    **{name: _is_office(folder) for name, folder in _FOLDERS.items()},
    **{name: _is_open(MEDIA_TYPES[name]) for name in ("odt", "ods", "odp")},
}
