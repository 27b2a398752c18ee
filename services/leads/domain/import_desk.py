"""Decides, row by row, who is new and who is known, over people gathered beforehand."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.leads.domain import contact as model
from services.leads.domain import import_rows
from services.leads.domain.consent import Grant
from services.leads.domain.contact import Contact, Profile
from services.leads.domain.files import merge
from services.leads.domain.import_rows import Ready
from services.leads.domain.importing import Import, Outcome, Row


@dataclass
class Desk:
    """One batch: what is known, and what the rows made of it. Written to as rows are decided."""

    current: Import
    now: datetime
    new_id: Callable[[], UUID]
    stage_id: UUID | None
    sources: Mapping[str, UUID]
    people: dict[UUID, Contact]
    found_by: dict[import_rows.Key, list[UUID]]
    prints: dict[bytes, tuple[UUID, UUID]]
    codes: dict[str, UUID]
    erased: Collection[import_rows.Key] = frozenset()
    created: dict[UUID, Contact] = field(default_factory=dict)
    changed: dict[UUID, Contact] = field(default_factory=dict)
    new_prints: dict[bytes, UUID] = field(default_factory=dict)
    consents: list[Grant] = field(default_factory=list)

    def decide(self, prepared: Sequence[Ready | Row]) -> list[Row]:
        """Return the line of each row in the ledger."""
        return [it if isinstance(it, Row) else self._row(it) for it in prepared]

    def _row(self, ready: Ready) -> Row:
        if any(it in self.erased and not self.found_by.get(it) for it in ready.keys):
            # Whoever is being erased does not come back by an old file meanwhile.
            return Row(number=ready.number, outcome=Outcome.SKIPPED, reason="BEING_ERASED")
        if known := self.prints.get(ready.print):
            again = known[1] == self.current.id
            reason = "DUPLICATE_ROW" if again else "UNCHANGED"
            return self._line(ready, Outcome.SKIPPED, known[0], reason=reason)
        source_id = self.sources.get(ready.source) or self.current.source_id
        profile = ready.profile
        if source_id != profile.source_id:
            profile = model.with_(profile, source_id=source_id)
        person = self._known(ready.keys, profile)
        code = profile.reference_code.lower()
        if code and self.codes.get(code, person and person.id) != (person and person.id):
            return Row(
                number=ready.number,
                outcome=Outcome.REJECTED,
                field="reference_code",
                reason="TAKEN",
                detail="another contact has this code",
            )
        return self._changed(ready, person, profile) if person else self._created(ready, profile)

    def _known(self, keys: Sequence[import_rows.Key], profile: Profile) -> Contact | None:
        """Return who the row is about: by an id of another system, else by address and name."""
        candidates: dict[UUID, Contact] = {}
        for key in keys:
            for contact_id in self.found_by.get(key, ()):
                if (person := self.people.get(contact_id)) is None:
                    continue
                if key[0].startswith("id:"):
                    return person
                candidates[contact_id] = person
        return merge.choose(list(candidates.values()), profile)

    def _created(self, ready: Ready, profile: Profile) -> Row:
        person = model.new_lead(self.new_id(), profile, self.stage_id, self.now)
        self.created[person.id] = person
        self._keep(ready, person)
        return self._line(ready, Outcome.CREATED, person.id)

    def _changed(self, ready: Ready, person: Contact, profile: Profile) -> Row:
        merged = merge.merge(person.profile, profile)
        if merged == person.profile:
            agreed = self._keep(ready, person)
            outcome = Outcome.UPDATED if agreed else Outcome.SKIPPED
            return self._line(ready, outcome, person.id, reason="" if agreed else "UNCHANGED")
        if person.id in self.created:
            person = self.created[person.id] = replace(person, profile=merged)
        else:
            revision = person.revision + (person.id not in self.changed)
            person = replace(person, profile=merged, revision=revision, update_time=self.now)
            self.changed[person.id] = person
        self._keep(ready, person)
        return self._line(ready, Outcome.UPDATED, person.id)

    def _keep(self, ready: Ready, person: Contact) -> bool:
        """Remember the person for later rows; return whether the row brings a consent."""
        # What was known of them before, they are found by already.
        self.people[person.id] = person
        for key in ready.keys:
            ids = self.found_by.setdefault(key, [])
            if person.id not in ids:
                ids.append(person.id)
        if person.profile.reference_code:
            self.codes[person.profile.reference_code.lower()] = person.id
        self.prints[ready.print] = (person.id, self.current.id)
        self.new_prints[ready.print] = person.id
        found = import_rows.grant(self.current, ready, person.id, new_id=self.new_id, now=self.now)
        if found is not None:
            self.consents.append(found)
        return found is not None

    def _line(self, ready: Ready, outcome: Outcome, contact_id: UUID, *, reason: str = "") -> Row:
        detail = ready.noted[:80]
        return Row(
            number=ready.number,
            outcome=outcome,
            reason=reason,
            detail=detail,
            contact_id=contact_id,
        )
