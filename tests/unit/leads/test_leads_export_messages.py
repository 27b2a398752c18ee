"""Lines of contacts in answers that no message is too long for."""

from crm.leads.v1.contact_line_pb2 import ContactLine

from services.leads.messages import exports


class TestParts:
    def test_long_lines_are_divided_and_none_is_lost(self) -> None:
        lines = [
            ContactLine(reference_code=str(it), description="ế" * 4_000) for it in range(1_000)
        ]

        parts = list(exports.parts(lines))

        assert [it.reference_code for part in parts for it in part.contacts] == [
            it.reference_code for it in lines
        ]
        assert len(parts) > 10
        assert max(it.ByteSize() for it in parts) < 2 * exports.MOST_BYTES

    def test_short_ones_go_together(self) -> None:
        (part,) = exports.parts([ContactLine(display_name="An")] * 500)

        assert len(part.contacts) == 500

    def test_one_that_is_longer_than_all_goes_alone(self) -> None:
        long = ContactLine(description="x" * (exports.MOST_BYTES + 1))

        assert [len(it.contacts) for it in exports.parts([long, long])] == [1, 1]

    def test_of_nobody_there_is_none(self) -> None:
        assert list(exports.parts([])) == []
