"""Collects all that is wrong with a request, so that its sender is told at once."""

from uuid import UUID

from chassis.errors import FieldViolation, InvalidArgument
from services.notifier.domain.states import Channel


class Checks:
    """Reads fields; each that is wrong is noted under its path."""

    def __init__(self) -> None:
        self._wrong: list[FieldViolation] = []

    def wrong(self, field: str, description: str) -> None:
        """Notes what is wrong with a field."""
        self._wrong.append(FieldViolation(field, description))

    def text(self, field: str, value: str, longest: int, *, required: bool = True) -> str:
        """A text without surrounding space, of at most so many characters."""
        value = value.strip()
        if required and not value:
            self.wrong(field, "is required")
        elif len(value) > longest:
            self.wrong(field, f"is longer than {longest} characters")
        elif "\x00" in value:
            self.wrong(field, "has a NUL character")
        return value

    def uuid(self, field: str, value: str, *, required: bool = True) -> UUID | None:
        """A UUID; None when it is empty or wrong."""
        if not value:
            if required:
                self.wrong(field, "is required")
            return None
        try:
            return UUID(value)
        except ValueError:
            self.wrong(field, "is not a UUID")
            return None

    def channel(self, field: str, value: int) -> Channel | None:
        """A channel; None when it is unspecified or unknown."""
        if value in (Channel.SMS, Channel.EMAIL):
            return Channel(value)
        self.wrong(field, "is required: SMS or EMAIL")
        return None

    def end(self) -> None:
        """Raises `InvalidArgument` if anything was noted."""
        if self._wrong:
            raise InvalidArgument(
                "FIELDS_INVALID", "some fields cannot be accepted", violations=self._wrong
            )
