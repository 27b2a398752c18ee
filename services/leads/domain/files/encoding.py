"""What a file's bytes are: text in some encoding, or something that cannot be imported."""

from dataclasses import dataclass

import charset_normalizer

SAMPLE_BYTES = 256 * 1024

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "xlsx", "an Excel or LibreOffice workbook (or another zip)"),
    (b"\xd0\xcf\x11\xe0", "xls", "an old Excel workbook"),
    (b"%PDF", "pdf", "a PDF"),
    (b"\x89PNG", "png", "a picture"),
    (b"\xff\xd8\xff", "jpeg", "a picture"),
    (b"GIF8", "gif", "a picture"),
    (b"\x1f\x8b", "gzip", "a compressed file"),
    (b"Rar!", "rar", "a compressed file"),
    (b"7z\xbc\xaf", "7z", "a compressed file"),
    (b"SQLite format 3", "sqlite", "a database"),
)
# Single-byte and double-byte encodings that spreadsheets still write in the region.
_LEGACY = ["cp1258", "cp1252", "cp1250", "cp874", "gb18030", "big5", "shift_jis", "euc_kr"]
_CONTROLS = frozenset(range(0x20)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B}


@dataclass(frozen=True)
class Unreadable(Exception):
    """The file is none of the kinds that can be imported; `why` is for people."""

    detected: str
    why: str


def find(sample: bytes, *, whole: bool) -> str:
    """Return the name of the codec that reads the file beginning with `sample`.

    `whole` says that the sample is the file. Raises Unreadable for what is no text.
    """
    if not sample.strip():
        raise Unreadable("empty", "the file is empty")
    for mark, codec in _MARKS:
        if sample.startswith(mark):
            return codec
    for signature, detected, what in _SIGNATURES:
        if sample.startswith(signature):
            raise Unreadable(detected, f"this is {what}; save it as CSV and import that")
    if wide := _wide(sample):
        return wide
    if any(byte in _CONTROLS for byte in sample):
        raise Unreadable("binary", "this is no text file")
    return "utf-8" if _is_utf8(sample, whole=whole) else _legacy(sample)


def _wide(sample: bytes) -> str:
    """Return UTF-16 without a mark: every other byte of Latin text is zero."""
    half = max(len(sample) // 2, 1)
    for codec, high in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if high.count(0) > half * 0.4:
            text = sample.decode(codec, "ignore")
            return "" if any(ord(letter) in _CONTROLS for letter in text) else codec
    return ""


def _is_utf8(sample: bytes, *, whole: bool) -> bool:
    for cut in range(1 if whole else 4):
        try:
            sample[: len(sample) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def _legacy(sample: bytes) -> str:
    found = charset_normalizer.from_bytes(sample[:65_536], cp_isolation=_LEGACY).best()
    if found is None:
        raise Unreadable("binary", "this is text in no encoding that is known here")
    return _vietnamese(sample) or found.encoding


def _vietnamese(sample: bytes) -> str:
    """Return cp1258 when its own letters turn up; it looks like cp1252 to a statistic.

    Only Vietnamese has đ, ơ and ư between ASCII letters, with tones as letters of their own.
    """
    try:
        text = sample[:65_536].decode("cp1258")
    except UnicodeDecodeError:
        return ""
    tones = sum(text.count(mark) for mark in "\u0300\u0309\u0303\u0301\u0323")
    letters = sum(text.count(letter) for letter in "đĐơƠưƯăĂ")
    foreign = sum(text.count(letter) for letter in "ßÿœŒæÆ")
    return "cp1258" if tones and letters and foreign < letters else ""
