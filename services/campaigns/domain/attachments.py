"""Files that go with an e-mail, and which are refused."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from chassis.errors import FieldViolation

MAX_FILES = 5
MAX_BYTES = 3 * 1024 * 1024
MAX_TOTAL_BYTES = 5 * 1024 * 1024
MAX_NAME = 100

_MEDIA_TYPES = {
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "gif": "image/gif",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_ANY = "application/octet-stream"

# What a computer, a browser or an office program would run when it is opened.
_RUNS = frozenset(
    """
    ade adp apk app application appref-ms appx appxbundle bash bat bin cab chm class cmd com
    command cpl csh deb dex dll dmg docm dotm elf exe gadget hlp hta htm html img inf ins iso isp
    jar jnlp js jse ksh lib lnk mde mht mhtml mjs msc msh msi msix msixbundle msp mst nsh ocx one
    osx php pif pkg pl potm ppam ppsm pptm ps1 ps1xml ps2 psd1 psm1 py pyc pyw rb reg rpm run scf
    scpt scr sct settingcontent-ms sh shb shs shtml sldm so svg svgz swf sys url vb vbe vbs vhd
    vhdx vxd website ws wsc wsf wsh xbap xht xhtml xlam xll xlsb xlsm xltm zsh
    """.split()
)
_MAGIC = (
    b"MZ",  # Windows and DOS
    b"\x7fELF",
    b"#!",
    b"\xef\xbb\xbf#!",
    b"\xca\xfe\xba\xbe",  # Java, and Mach-O of several machines
    b"\xfe\xed\xfa\xce",  # Mach-O
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
)


@dataclass(frozen=True)
class Attachment:
    """A file by its name and the SHA-256 of its bytes in hexadecimal."""

    name: str
    media_type: str
    size: int
    hash: str


@dataclass(frozen=True)
class File:
    """A file as somebody brings it; the name in the form that is kept."""

    name: str
    data: bytes = field(repr=False)

    @classmethod
    def given(cls, name: str, data: bytes) -> "File":
        """Return a file whose letters with accents are one character each."""
        # Some systems write an accent as a character of its own: the same name twice, to people.
        return cls(unicodedata.normalize("NFC", name), data)

    def attachment(self) -> Attachment:
        """Return what is kept beside the bytes."""
        digest = hashlib.sha256(self.data).hexdigest()
        return Attachment(self.name, _media_type(self), len(self.data), digest)


def violations(held: Sequence[Attachment], file: File) -> list[FieldViolation]:
    """Return what forbids a file beside those that a template has already."""
    found = [("name", why) for why in _name(file.name, held)]
    found += [("data", why) for why in _data(file.data, held)]
    return [FieldViolation(name, why) for name, why in found]


def added(held: Sequence[Attachment], new: Attachment) -> tuple[Attachment, ...]:
    """Return the attachments with one more, by name."""
    return tuple(sorted([*held, new], key=lambda it: it.name))


def _name(name: str, held: Sequence[Attachment]) -> list[str]:
    if not name.strip():
        return ["the file needs a name"]
    if len(name) > MAX_NAME:
        return [f"the file's name is longer than {MAX_NAME} characters"]
    if "/" in name or "\\" in name:
        return ["the file's name must not have a path"]
    # Controls, what changes the direction of letters, and halves of characters.
    if any(unicodedata.category(it) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for it in name):
        return ["the file's name has characters that do not show"]
    if name != name.strip() or name.startswith(".") or name.endswith("."):
        return ["the file's name must not begin or end with a dot or a space"]
    if _extension(name) in _RUNS:
        return ["files that a computer would run are not sent"]
    if name.casefold() in [it.name.casefold() for it in held]:
        return ["a file of this name is attached already"]
    return []


def _data(data: bytes, held: Sequence[Attachment]) -> list[str]:
    if not data:
        return ["the file is empty"]
    if len(data) > MAX_BYTES:
        return [f"the file is larger than {MAX_BYTES // 2**20} MiB"]
    if data.startswith(_MAGIC):
        return ["the file is a program, whatever its name"]
    if len(held) >= MAX_FILES:
        return [f"a template has at most {MAX_FILES} files"]
    if len(data) + sum(it.size for it in held) > MAX_TOTAL_BYTES:
        return [f"the files of a template are larger than {MAX_TOTAL_BYTES // 2**20} MiB in all"]
    return []


def _extension(name: str) -> str:
    return name.rpartition(".")[2].casefold() if "." in name else ""


def _media_type(file: File) -> str:
    found = _MEDIA_TYPES.get(_extension(file.name), _ANY)
    if not found.startswith("text/"):
        return found
    try:
        file.data.decode()
    except UnicodeDecodeError:
        return _ANY  # in letters that nobody can tell
    return f"{found}; charset=utf-8"
