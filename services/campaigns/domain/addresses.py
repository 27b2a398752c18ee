"""Which addresses of a run have their message, so that no second one is planned."""

import mmap
import os
import tempfile
from array import array
from collections.abc import Sequence

_SLOT_BYTES = 8
_LEAST_SLOTS = 1 << 12
_ID_BYTES = 16


class Addresses:
    """The addresses a plan has met, exactly: none is forgotten, and none taken for another.

    An address is known by the last 8 bytes of its message's id, 62 bits of a MAC: that two of a
    million are alike happens once in ten million runs. They stand in a table with open addressing
    (8 to 24 bytes an address) in a file without a name, so that memory does not grow with the run.
    """

    def __init__(self, most: int) -> None:
        """Raises `OSError` if there is no room for so many, `ValueError` from `meet` for more."""
        self._left = most
        slots = max(_LEAST_SLOTS, 1 << (most + most // 2).bit_length())
        with tempfile.TemporaryFile() as file:
            # Not a file with holes: a full disk would end the process when it writes into one.
            os.posix_fallocate(file.fileno(), 0, slots * _SLOT_BYTES)
            self._file = mmap.mmap(file.fileno(), slots * _SLOT_BYTES)
        self._slots = memoryview(self._file).cast("Q")
        self._mask = slots - 1

    def meet(self, message_ids: Sequence[bytes | None]) -> list[int]:
        """Return the places of those whose address was met before; the others are met now."""
        places = [place for place, each in enumerate(message_ids) if each is not None]
        words = array("Q", b"".join(filter(None, message_ids)))[1::2]
        again = self._meet(words)
        return [places[at] for at in again]

    def know(self, tails: bytes) -> None:
        """Take addresses for met, by the last 8 bytes of their messages' ids."""
        self._meet(array("Q", tails))

    def _meet(self, words: "array[int]") -> list[int]:
        slots, mask, again = self._slots, self._mask, []
        for at, word in enumerate(words):
            # The lowest byte, on all machines that matter, has the bits of UUID's variant; they
            # also see to it that no word is 0, which is an empty slot.
            slot = (word >> 8) & mask
            while (there := slots[slot]) and there != word:
                slot = (slot + 1) & mask
            if there:
                again.append(at)
            else:
                slots[slot] = word
        self._left -= len(words) - len(again)
        if self._left < 0:
            raise ValueError("more addresses than people")
        return again

    def close(self) -> None:
        """Give the file back."""
        self._slots.release()
        self._file.close()
