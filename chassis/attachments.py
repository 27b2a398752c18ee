"""Files that go with something somebody writes: names, limits, and what is kept of each."""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chassis.errors import FieldViolation

MAX_FILES = 5
MAX_BYTES = 3 * 1024 * 1024
MAX_TOTAL_BYTES = 5 * 1024 * 1024
MAX_NAME = 100


@dataclass(frozen=True)
class Attachment:
    """A file by its name and the SHA-256 of its bytes in hexadecimal; `size` in bytes."""

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

    @property
    def extension(self) -> str:
        """What its name ends with, in lower case and without the dot; empty without one."""
        return self.name.rpartition(".")[2].casefold() if "." in self.name else ""

    def attachment(self, media_type: str) -> Attachment:
        """Return what is kept beside the bytes."""
        digest = hashlib.sha256(self.data).hexdigest()
        return Attachment(self.name, media_type, len(self.data), digest)


Rule = Callable[[File], str]
"""Returns why a file is refused, an empty string for one that is not."""


def violations(
    held: Sequence[Attachment], file: File, *, of: str, name: Rule, data: Rule
) -> list[FieldViolation]:
    """Return what forbids a file beside those `held`: by its `name`, by its `data`, or both.

    `of` is what holds them ("a template"); `name` and `data` are its own rules of which kinds go.
    """
    found = (("name", _name(file, held, name)), ("data", _data(file, held, of, data)))
    return [FieldViolation(where, why) for where, why in found if why]


def overfull(files: Sequence[Attachment], of: str) -> str:
    """Return why these are too many or too large together, an empty string if they are not."""
    if len(files) > MAX_FILES:
        return f"{of} has at most {MAX_FILES} files"
    if sum(it.size for it in files) > MAX_TOTAL_BYTES:
        return f"the files of {of} are larger than {MAX_TOTAL_BYTES // 2**20} MiB in all"
    return ""


def added(held: Sequence[Attachment], *new: Attachment) -> tuple[Attachment, ...]:
    """Return the attachments with more, by name."""
    return tuple(sorted([*held, *new], key=lambda it: it.name))


def taken(held: Sequence[Attachment], name: str) -> bool:
    """Return whether one of these has the name; upper and lower case are one."""
    return name.casefold() in [it.name.casefold() for it in held]


def _name(file: File, held: Sequence[Attachment], rule: Rule) -> str:
    name = file.name
    if not name.strip():
        return "the file needs a name"
    if len(name) > MAX_NAME:
        return f"the file's name is longer than {MAX_NAME} characters"
    if "/" in name or "\\" in name:
        return "the file's name must not have a path"
    # Controls, what changes the direction of letters, and halves of characters.
    if any(unicodedata.category(it) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for it in name):
        return "the file's name has characters that do not show"
    if name != name.strip() or name.startswith(".") or name.endswith("."):
        return "the file's name must not begin or end with a dot or a space"
    if why := rule(file):
        return why
    return "a file of this name is attached already" if taken(held, name) else ""


def _data(file: File, held: Sequence[Attachment], of: str, rule: Rule) -> str:
    if not file.data:
        return "the file is empty"
    if len(file.data) > MAX_BYTES:
        return f"the file is larger than {MAX_BYTES // 2**20} MiB"
    return rule(file) or overfull([*held, Attachment("", "", len(file.data), "")], of)
