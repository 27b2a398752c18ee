"""Sources and life stages."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.contact import Status
from services.leads.domain.source import Source
from services.leads.domain.status import LifeStage
from services.leads.storage.tables import life_stages, sources

Key = tuple[object, ...]

# Two writers of one small table take turns, so that a name is looked up and taken in one go.
_TURN = text("SELECT pg_advisory_xact_lock(hashtext(:name))")


async def take_turn(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction changes this list (`sources`, `life_stages`, `segments`)."""
    await session.execute(_TURN, {"name": f"leads.{name}"})


async def get(session: AsyncSession, source_id: UUID, *, lock: bool = False) -> Source | None:
    """Return a source, locked for update if asked."""
    query = select(sources).where(sources.c.id == source_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return Source(**row._mapping) if row else None


async def existing(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Source]:
    """Return those of the sources that exist, retired ones too; locks nothing."""
    found = await session.execute(select(sources).where(sources.c.id.in_(ids))) if ids else ()
    return {it.id: Source(**it._mapping) for it in found}


async def by_codes(session: AsyncSession, words: Collection[str]) -> dict[str, UUID]:
    """Return active sources by code and by name without accents, as far as `words` name them.

    The keys are the given words; locks nothing.
    """
    if not words:
        return {}
    return {
        it.word: it.id for it in await session.execute(_BY_CODES, {"words": sorted(set(words))})
    }


async def taken(session: AsyncSession, name: str, code: str, but: UUID | None) -> str | None:
    """Return which field of a source is taken by another one (`name` or `code`), or None."""
    others = select(sources.c.id).where(sources.c.id != but) if but else select(sources.c.id)
    same_name = func.lower(sources.c.name) == func.lower(name)
    if await session.scalar(others.where(same_name, sources.c.retire_time.is_(None))):
        return "name"
    if code and await session.scalar(others.where(sources.c.code == code)):
        return "code"
    return None


async def page(
    session: AsyncSession, page: Page, *, include_retired: bool
) -> tuple[list[Source], Key | None]:
    """Return a page of sources by name without accents, and where the next one starts."""
    key = func.fold(sources.c.name)
    query = select(sources, key.label("key")).order_by(key, sources.c.id).limit(page.size + 1)
    if not include_retired:
        query = query.where(sources.c.retire_time.is_(None))
    if page.after:
        query = query.where(tuple_(key, sources.c.id) > page.after)
    rows = (await session.execute(query)).all()
    shown = rows[: page.size]
    found = [
        Source(
            id=it.id,
            revision=it.revision,
            name=it.name,
            code=it.code,
            retire_time=it.retire_time,
            create_time=it.create_time,
        )
        for it in shown
    ]
    return found, ((shown[-1].key, shown[-1].id) if len(rows) > page.size else None)


async def store(session: AsyncSession, source: Source, *, is_new: bool) -> None:
    """Insert a source, or write one the caller has locked."""
    values = {
        "id": source.id,
        "revision": source.revision,
        "name": source.name,
        "code": source.code,
        "retire_time": source.retire_time,
        "create_time": source.create_time,
    }
    if is_new:
        await session.execute(insert(sources).values(values))
    else:
        await session.execute(update(sources).where(sources.c.id == source.id).values(values))


async def stage(session: AsyncSession, stage_id: UUID, *, lock: bool = False) -> LifeStage | None:
    """Return a life stage, locked for update if asked."""
    query = select(life_stages).where(life_stages.c.id == stage_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _stage(row) if row else None


async def stages(session: AsyncSession) -> list[LifeStage]:
    """Return all life stages by position; an organisation has a handful. Locks nothing."""
    order = (life_stages.c.position, life_stages.c.id)
    return [_stage(it) for it in await session.execute(select(life_stages).order_by(*order))]


async def stage_page(session: AsyncSession, page: Page) -> tuple[list[LifeStage], Key | None]:
    """Return a page of life stages by position, and where the next one starts."""
    query = select(life_stages).order_by(life_stages.c.position, life_stages.c.id)
    if page.after:
        query = query.where(tuple_(life_stages.c.position, life_stages.c.id) > page.after)
    rows = (await session.execute(query.limit(page.size + 1))).all()
    shown = [_stage(it) for it in rows[: page.size]]
    return shown, ((shown[-1].position, shown[-1].id) if len(rows) > page.size else None)


async def stage_name_taken(session: AsyncSession, name: str, but: UUID | None) -> bool:
    """Whether another life stage has this name, case aside."""
    query = select(life_stages.c.id).where(func.lower(life_stages.c.name) == func.lower(name))
    return await session.scalar(query.where(life_stages.c.id != but) if but else query) is not None


async def store_stage(session: AsyncSession, stage: LifeStage, *, is_new: bool) -> None:
    """Insert a life stage, or write one the caller has locked."""
    values = {
        "id": stage.id,
        "revision": stage.revision,
        "name": stage.name,
        "position": stage.position,
        "color": stage.color,
        "probability": stage.probability,
        "implied_status": stage.implied_status or 0,
        "create_time": stage.create_time,
    }
    if is_new:
        await session.execute(insert(life_stages).values(values))
    else:
        query = update(life_stages).where(life_stages.c.id == stage.id)
        await session.execute(query.values(values))


def _stage(it: object) -> LifeStage:
    values = dict(it._mapping)  # type: ignore[attr-defined]
    implied = values.pop("implied_status")
    return LifeStage(**values, implied_status=Status(implied) if implied else None)


_BY_CODES = text("""
    SELECT w.word, s.id
    FROM unnest(CAST(:words AS text[])) AS w(word)
    JOIN sources AS s ON s.retire_time IS NULL
        AND (s.code = lower(w.word) OR fold(s.name) = fold(w.word))
""")
