"""Chunks wait for room in the window only where it comes in time."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from services.notifier.workers.admission import Admission
from services.notifier.workers.leases import Leases
from services.notifier.workers.room import Room

WINDOW = 1_000


@dataclass
class Pace:
    """A claimer of which only the pace counts."""

    rate: float = 0.0
    yields: bool = False


@dataclass
class Lane:
    """A wire that could take a whole window."""

    capacity: int = WINDOW
    waiting: int = 0


@dataclass
class Scene:
    """An admission and what it looks at."""

    wire: Lane = field(default_factory=Lane)
    pace: Pace = field(default_factory=Pace)
    held: list[int] = field(default_factory=list)
    leases: Leases = field(default_factory=lambda: Leases(30.0))

    def __post_init__(self) -> None:
        wire = cast("Any", self.wire)
        self.room = Room(wire, self.leases)
        self.room._window._size = float(WINDOW)
        self.admission = Admission(wire, self.room, self.held, self.leases, self.pace)

    def fill(self, places: int) -> None:
        """So many attempts are open."""
        self.leases._open = dict.fromkeys(range(places), cast("Any", None))


@pytest.fixture
def scene() -> Scene:
    return Scene()


class TestAdmission:
    async def test_lets_in_at_once_while_there_is_room(self, scene: Scene) -> None:
        assert scene.admission.may_come(500)
        assert await scene.admission.room_for(500)

    async def test_keeps_an_eighth_for_what_belongs_to_no_run(self, scene: Scene) -> None:
        scene.fill(WINDOW - 500 - WINDOW // 8)
        assert await scene.admission.room_for(500)
        scene.fill(WINDOW - 500 - WINDOW // 8 + 1)
        scene.pace.rate = 1.0
        scene.held.append(0)
        assert not await scene.admission.room_for(500)

    async def test_waits_for_places_that_come_in_time(self, scene: Scene) -> None:
        scene.fill(WINDOW)
        scene.pace.rate = 1_000.0
        waiting = asyncio.create_task(scene.admission.room_for(500))
        await asyncio.sleep(0)
        assert scene.pace.yields
        scene.fill(0)
        scene.admission.freed()
        assert await waiting
        assert not scene.pace.yields

    async def test_does_not_wait_for_places_that_come_too_late(self, scene: Scene) -> None:
        scene.fill(WINDOW)
        scene.pace.rate = 20.0
        assert not await scene.admission.room_for(500)

    async def test_waits_no_more_for_a_while_after_it_was_in_vain(self, scene: Scene) -> None:
        scene.fill(WINDOW)
        scene.pace.rate = 20.0
        await scene.admission.room_for(500)
        scene.pace.rate = 1_000.0
        assert not scene.admission.may_come(500)
        scene.fill(0)
        assert scene.admission.may_come(500)

    async def test_what_never_fits_is_not_waited_for(self, scene: Scene) -> None:
        scene.fill(1)
        scene.pace.rate = 1_000.0
        assert not scene.admission.may_come(WINDOW)

    async def test_what_is_held_comes_first(self, scene: Scene) -> None:
        scene.held.extend(range(100))
        scene.fill(10)
        scene.pace.rate = 1.0
        assert not await scene.admission.room_for(500)

    async def test_lets_nobody_in_once_closed(self, scene: Scene) -> None:
        scene.fill(WINDOW)
        scene.pace.rate = 1_000.0
        waiting = asyncio.create_task(scene.admission.room_for(500))
        await asyncio.sleep(0)
        assert scene.pace.yields
        scene.admission.closed = True
        scene.admission.freed()
        assert not await waiting
        scene.fill(0)
        assert not scene.admission.may_come(500)
