"""A folder of keys as Kubernetes mounts a Secret, and swaps what is in it."""

import itertools
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from services.notifier.channels.dkim import keys

_EDITIONS = itertools.count()


def key(*, rsa: bool = False) -> bytes:
    """A new private key, as its file has it."""
    return keys.pem(keys.generate(rsa=rsa))


class Mounted:
    """`FILE -> ..data/FILE`, `..data -> ..EDITION`: one edition takes another's place at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def swap(self, files: Mapping[str, bytes]) -> None:
        """Puts other files there, in the order Kubernetes does."""
        self.begin(files)
        self.end(files)

    def begin(self, files: Mapping[str, bytes]) -> None:
        """Up to the moment where links still lead to files that are gone."""
        edition = self.path / f"..{next(_EDITIONS)}"
        edition.mkdir()
        for name, text in files.items():
            (edition / name).write_bytes(text)
        data = self.path / "..data"
        before = data.resolve() if data.is_symlink() else None
        (self.path / "..data_tmp").symlink_to(edition.name)
        os.replace(self.path / "..data_tmp", data)
        if before is not None:
            shutil.rmtree(before)

    def end(self, files: Mapping[str, bytes]) -> None:
        """Links for what came, none for what went."""
        shown = {it.name: it for it in self.path.iterdir() if not it.name.startswith("..")}
        for name in files.keys() - shown.keys():
            (self.path / name).symlink_to(f"..data/{name}")
        for name in shown.keys() - files.keys():
            shown[name].unlink()
