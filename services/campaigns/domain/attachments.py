"""Which files may go with an e-mail, and what kind each is said to be."""

from collections.abc import Sequence

from chassis import attachments
from chassis.attachments import Attachment, File
from chassis.errors import FieldViolation

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


def violations(held: Sequence[Attachment], file: File) -> list[FieldViolation]:
    """Return what forbids a file beside those that a template has already."""
    return attachments.violations(held, file, of="a template", name=_name, data=_data)


def described(file: File) -> Attachment:
    """Return what is kept of a file beside its bytes; its kind is told from its name."""
    return file.attachment(_media_type(file))


def _name(file: File) -> str:
    return "files that a computer would run are not sent" if file.extension in _RUNS else ""


def _data(file: File) -> str:
    return "the file is a program, whatever its name" if file.data.startswith(_MAGIC) else ""


def _media_type(file: File) -> str:
    found = _MEDIA_TYPES.get(file.extension, _ANY)
    if not found.startswith("text/"):
        return found
    try:
        file.data.decode()
    except UnicodeDecodeError:
        return _ANY  # in letters that nobody can tell
    return f"{found}; charset=utf-8"
