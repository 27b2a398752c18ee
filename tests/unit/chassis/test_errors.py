"""The one family of errors."""

from chassis.errors import Error, FailedPrecondition, FieldViolation, InvalidArgument


class TestError:
    def test_it_carries_reason_text_and_metadata_as_text(self) -> None:
        error = FailedPrecondition("RUN_STATE", "the run is paused", state="PAUSED", epoch=3)

        assert isinstance(error, Error)
        assert (error.reason, error.message) == ("RUN_STATE", "the run is paused")
        assert error.metadata == {"state": "PAUSED", "epoch": "3"}

    def test_its_text_names_the_fields(self) -> None:
        violation = FieldViolation("phones[0].number", "not a phone number")

        error = InvalidArgument("CONTACT_INVALID", "the contact", violations=[violation])

        assert error.violations == [violation]
        assert str(error) == "CONTACT_INVALID: the contact; phones[0].number: not a phone number"
