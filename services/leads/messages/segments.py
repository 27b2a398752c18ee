"""Segments and their definitions between the contract and the domain."""

from collections.abc import Sequence
from uuid import UUID

from crm.leads.v1 import segment_pb2, segment_service_pb2

from services.leads.domain import segment as model
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks
from services.leads.domain.segment import Comparison, Match, Question
from services.leads.messages import values

_MAX_READ_DEPTH = model.MAX_DEPTH + 2


def segment(it: model.Segment) -> segment_pb2.Segment:
    """Return the contract's segment."""
    return segment_pb2.Segment(
        id=str(it.id),
        revision=it.revision,
        etag=str(it.revision),
        name=it.name,
        description=it.description,
        definition=group(it.definition),
        create_time=values.stamp(it.create_time),
        update_time=values.stamp(it.update_time),
    )


def windows(found: Sequence[model.Window]) -> list[segment_service_pb2.Window]:
    """Return the contract's windows."""
    made = []
    for it in found:
        window = segment_service_pb2.Window(condition=it.condition, until=values.stamp(it.until))
        getattr(window, "from").CopyFrom(values.stamp(it.since))
        made.append(window)
    return made


def group(it: model.Group) -> segment_pb2.Group:
    """Return the contract's definition."""
    conditions = [_condition(each) for each in it.conditions]
    return segment_pb2.Group(match=int(it.match), conditions=conditions)  # type: ignore[arg-type]


def _condition(it: model.Condition) -> segment_pb2.Condition:
    pb = segment_pb2
    match it:
        case model.Group():
            return pb.Condition(group=group(it))
        case model.Field():
            comparison = int(it.comparison)
            told = pb.FieldCondition(
                field=it.name,
                comparison=comparison,  # type: ignore[arg-type]
                values=it.values,
            )
            return pb.Condition(field=told)
        case model.Tags():
            return pb.Condition(tag=pb.TagCondition(tags=it.tags))
        case model.Sources():
            ids = [str(each) for each in it.ids]
            return pb.Condition(source=pb.SourceCondition(source_ids=ids))
        case model.Stages():
            ids = [str(each) for each in it.ids]
            return pb.Condition(life_stage=pb.StageCondition(life_stage_ids=ids))
        case model.Dates():
            return pb.Condition(date=_dates(it))
        case model.Consented():
            consent = pb.ConsentCondition(
                purpose=int(it.purpose),  # type: ignore[arg-type]
                channel=int(it.channel),  # type: ignore[arg-type]
                advertiser_id=str(it.advertiser_id),
            )
            return pb.Condition(consent=consent)
        case model.Bought():
            question = int(it.question)
            bought = pb.TransactionCondition(question=question, days=it.days)  # type: ignore[arg-type]
            return pb.Condition(transaction=bought)


def _dates(it: model.Dates) -> segment_pb2.DateCondition:
    told = segment_pb2.DateCondition(
        field=it.name, until=values.stamp(it.until), within_days=it.within_days
    )
    if it.since is not None:
        getattr(told, "from").CopyFrom(values.stamp(it.since))
    return told


def definition(checks: Checks, it: segment_pb2.Group, path: str, depth: int = 1) -> model.Group:
    """Return the domain's definition; what cannot be read is noted under its path."""
    if depth > _MAX_READ_DEPTH:
        return model.Group()
    match = checks.choice(f"{path}.match", it.match, Match) or Match.ALL
    read = [
        _read(checks, each, f"{path}.conditions[{place}]", depth)
        for place, each in enumerate(it.conditions)
    ]
    return model.Group(match, tuple(each for each in read if each is not None))


def _read(
    checks: Checks, it: segment_pb2.Condition, path: str, depth: int
) -> model.Condition | None:
    kind = it.WhichOneof("kind")
    path = f"{path}.{kind}"
    match kind:
        case "group":
            return definition(checks, it.group, path, depth + 1)
        case "field":
            comparison = checks.needed(f"{path}.comparison", it.field.comparison, Comparison)
            return model.Field(it.field.field, comparison, tuple(it.field.values))
        case "tag":
            return model.Tags(tuple(it.tag.tags))
        case "source":
            return model.Sources(_some_ids(checks, f"{path}.source_ids", it.source.source_ids))
        case "life_stage":
            ids = it.life_stage.life_stage_ids
            return model.Stages(_some_ids(checks, f"{path}.life_stage_ids", ids))
        case "date":
            since = values.moment(it.date, "from", f"{path}.from")
            until = values.moment(it.date, "until", f"{path}.until")
            return model.Dates(it.date.field, since, until, it.date.within_days)
        case "consent":
            return model.Consented(
                checks.needed(f"{path}.purpose", it.consent.purpose, Purpose),
                checks.needed(f"{path}.channel", it.consent.channel, Channel),
                checks.id(f"{path}.advertiser_id", it.consent.advertiser_id),
            )
        case "transaction":
            asked = it.transaction.question
            question = checks.needed(f"{path}.question", asked, Question)
            return model.Bought(question, it.transaction.days)
    checks.wrong(path.removesuffix(".None"), "says nothing")
    return None


def _some_ids(checks: Checks, path: str, given: Sequence[str]) -> tuple[UUID, ...]:
    if not given:
        checks.wrong(path, "is required")
    return checks.ids(path, given, model.MAX_VALUES)
