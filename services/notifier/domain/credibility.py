"""Whether a provider is believed that says of addresses that nobody is there.

A relay that answers 5.1.1 to everybody (a rewritten domain, a broken lookup) would otherwise take
every address from everybody. Of lists that are kept a few in a hundred fail, of old ones one in
five: where more than half of all answers say so, it is not the addresses.
"""

_MOST = 0.5
_LEAST = 20  # so few are believed whatever their share
_KEPT = 500.0  # about so many of the newest answers count


class Credibility:
    """What a provider answered lately."""

    def __init__(self) -> None:
        self._answers = 0.0
        self._dead = 0.0

    def believes(self, answers: int, dead: int) -> bool:
        """Whether it is believed in saying that `dead` of its newest answers are no addresses."""
        said = self._dead + dead
        return said < _LEAST or said <= _MOST * (self._answers + answers)

    def note(self, answers: int, dead: int) -> None:
        """These answers came."""
        self._answers += answers
        self._dead += dead
        if self._answers > _KEPT:
            self._dead *= _KEPT / self._answers
            self._answers = _KEPT
