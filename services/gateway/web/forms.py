"""A form that was sent: what was typed, and what is wrong with it, kept together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from flask import request
from werkzeug.datastructures import MultiDict

from chassis import errors
from services.gateway import problems
from services.gateway.web import desk, words

T = TypeVar("T")

LONGEST_TEXT = 300_000


@dataclass
class Form:
    """`values` by input name as typed; `wrong` by input name; `general` belongs to no input."""

    values: "MultiDict[str, str]" = field(default_factory=MultiDict)
    wrong: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    request_id: str = field(default_factory=desk.fresh_id)
    reason: str = ""
    status: int = 200
    prefix: str = ""
    """Of the inputs' ids, where a page may hold two forms with the same inputs."""

    @classmethod
    def sent(cls, *, prefix: str = "") -> "Form":
        """Return the form of this request."""
        typed = MultiDict(request.form)
        return cls(values=typed, request_id=desk.request_id(), prefix=prefix)

    @classmethod
    def filled(cls, values: Mapping[str, str | Sequence[str]]) -> "Form":
        """Return a form that shows `values`."""
        typed: MultiDict[str, str] = MultiDict()
        for name, value in values.items():
            # A name without any value is left out: MultiDict cannot tell its first.
            if found := [value] if isinstance(value, str) else list(value):
                typed.setlist(name, found)
        return cls(values=typed)

    def get(self, name: str) -> str:
        """Return what was typed, without the space around."""
        return self.values.get(name, "").strip()

    def all(self, name: str) -> list[str]:
        """Return every value chosen."""
        return [it for it in self.values.getlist(name) if it.strip()]

    def refuse(self, name: str, why: str) -> None:
        """Note that an input cannot be accepted; `why` is in the reader's language."""
        self.wrong.setdefault(name, why)
        self.status = 400

    @property
    def bad(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.wrong or self.general)

    def attempt(
        self, call: Callable[[], T], *, prefix: str = "", known: Sequence[str] = ()
    ) -> T | None:
        """Return what `call` gives, or None after noting what the service refuses.

        A refused field below `prefix` becomes the input of the same name; one that is none of
        `known` is shown above the form. Only what a person can mend is caught.
        """
        try:
            return call()
        except (
            errors.InvalidArgument,
            errors.AlreadyExists,
            errors.FailedPrecondition,
            errors.Aborted,
            errors.ResourceExhausted,
            errors.Unavailable,
            errors.DeadlineExceeded,
        ) as refused:
            self._note(refused, prefix, known)
            return None

    def _note(self, refused: errors.Error, prefix: str, known: Sequence[str]) -> None:
        problem = problems.of(refused)
        language = desk.language()
        self.reason, self.status = problem.reason, problem.status
        for it in problem.fields:
            name = it.field.removeprefix(prefix)
            why = words.complaint(language, it.reason)
            place = _input_of(name, known)
            if place:
                self.wrong.setdefault(place, why)
            else:
                self.general.append(f"{name}: {why}" if name else why)
        taken = problem.metadata.get("field", "")
        if problem.reason == "RESOURCE_EXISTS" and _input_of(taken, known):
            self.wrong.setdefault(_input_of(taken, known), desk.t("form.taken"))
        elif not problem.fields:
            self.general.append(problem.title(language))


def _input_of(name: str, known: Sequence[str]) -> str:
    """Return the input that shows what is wrong with `name`: itself, or the one it is part of."""
    if not known:
        return name
    while name and name not in known:
        cut = max(name.rfind("."), name.rfind("["))
        name = name[:cut] if cut > 0 else ""
    return name
