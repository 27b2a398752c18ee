"""A folder of keys that may change while the process runs."""

from pathlib import Path

from chassis.config import SettingsError
from services.notifier.channels.dkim.keys import files, read

_Marks = tuple[tuple[str, int, int, int, int], ...]


class Folder:
    """The newest keys of a folder that could be used."""

    def __init__(self, path: Path | None) -> None:
        """Raises `SettingsError` that names the file nobody can use."""
        self.path = path
        # Before they are read: what changes meanwhile is seen the next time.
        self._marks = _marks(path)
        self.keys = read(path)

    def look(self) -> bool:
        """Reads the folder again if it changed; returns whether it did.

        Raises `SettingsError` while there is a file that nobody can use; the keys stay as they are.
        """
        marks = _marks(self.path)
        if marks == self._marks:
            return False
        keys = read(self.path)
        if _marks(self.path) != marks:
            return False  # it is being changed: the next look sees the whole
        self._marks, self.keys = marks, keys
        return True


def _marks(path: Path | None) -> _Marks:
    """What changes with any change of the folder's files, those that links lead to."""
    found = []
    try:
        for file in files(path):
            at = file.stat()
            found.append((file.name, at.st_ino, at.st_mtime_ns, at.st_ctime_ns, at.st_size))
    except OSError as broken:
        raise SettingsError(f"MEKONG_DKIM_FOLDER: {broken}") from None
    return tuple(found)
