"""Expressions among statements sent in one round trip."""

from sqlalchemy import Integer, bindparam, column, select, table

from chassis import db
from tests.integration.chassis.together_parts import added
from tests.integration.chassis.together_parts import made as made


class TestExpressions:
    async def test_a_statement_made_once_serves_every_value(self, made: db.Sessions) -> None:
        numbered = table("together", column("number", Integer), column("word"))
        above = select(numbered.c.word).where(numbered.c.number > bindparam("least"))
        above = above.order_by(numbered.c.number).limit(bindparam("size"))

        def words(least: int) -> db.Ask[list[str]]:
            given = {"least": least, "size": 2}
            return db.Ask(above, given, lambda found: [row.word for row in found])

        async with made.begin() as session:
            together = db.Together(session)
            for number, word in enumerate(("a", "100%", "%(least)s", "d")):
                together.add(added(number, word))
            first, second = together.add(words(0)), together.add(words(2))
            await together.send()

        assert (first(), second()) == (["100%", "%(least)s"], ["d"])
