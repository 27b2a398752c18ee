"""How addresses stand with the advertisers that write to them, in one look."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text

from chassis import db
from chassis.db import arrays
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Agreement, Suppressed
from services.notifier.storage import agreements, suppressions


class Standing(NamedTuple):
    """What is in force at a moment: `version` numbers the suppressions."""

    version: int
    at: datetime
    suppressed: dict[str, list[Suppressed]]
    agreed: dict[tuple[UUID, str], Agreement]


def ask(
    channel: Channel,
    address_keys: Sequence[str],
    at: datetime | None,
    hashes: Mapping[str, str] = MappingProxyType({}),
) -> db.Ask[Standing]:
    """Suppressions and agreements of addresses, at the database's time unless one is given.

    `hashes` are those of the addresses, by which suppressions of erased people are known.

    One statement, because it comes before every batch: what it costs is mostly that it is one.
    """
    keys = arrays.texts([*address_keys, *hashes])
    given = {"channel": int(channel), "keys": keys, "at": at}
    return db.Ask(_STANDING, given, partial(_read, hashes))


def _read(hashes: Mapping[str, str], found: db.Rows) -> Standing:
    suppressed: dict[str, list[Suppressed]] = {}
    for row in found:
        if row.address_key is not None:
            it = suppressions.suppressed(row)
            if (known := hashes.get(it.address_key)) is not None:
                it = replace(it, address_key=known)
            suppressed.setdefault(it.address_key, []).append(it)
    first = found[0]
    return Standing(
        first.now_version,
        first.now,
        suppressed,
        {
            (UUID(advertiser), key): agreements.agreement(most, windows)
            for advertiser, key, most, windows in first.agreed
        },
    )


_STANDING = text(f"""
    SELECT v.version AS now_version, v.now,
        coalesce((SELECT json_agg(json_build_array(advertiser_id, address_key, most, windows))
                  FROM agreements
                  WHERE address_key = ANY(CAST(:keys AS text[])) AND channel = :channel
                    AND (expires_at IS NULL OR expires_at > v.now)), '[]') AS agreed,
        s.*
    FROM (SELECT version, coalesce(CAST(:at AS timestamptz), clock_timestamp()) AS now
          FROM suppression_version OFFSET 0) AS v
    LEFT JOIN (
        SELECT {suppressions.SUPPRESSED_COLUMNS} FROM suppressions
        WHERE address_key = ANY(CAST(:keys AS text[])) AND channel = :channel
          AND (expires_at IS NULL OR expires_at > now())
    ) AS s ON true
""")  # noqa: S608 (constant columns)
