"""A provider that says of most addresses that nobody is there is not believed."""

from services.notifier.domain.credibility import Credibility


class TestCredibility:
    def test_a_few_are_believed_whatever_their_share(self) -> None:
        provider = Credibility()
        assert provider.believes(19, 19)
        assert not provider.believes(20, 20)

    def test_an_old_list_is_believed(self) -> None:
        provider = Credibility()
        for _ in range(100):
            assert provider.believes(100, 40)
            provider.note(100, 40)

    def test_a_relay_that_breaks_is_disbelieved_within_a_few_hundred(self) -> None:
        provider = Credibility()
        provider.note(100_000, 1_000)
        told = 0
        while provider.believes(10, 10):
            provider.note(10, 10)
            told += 10
        assert told < 500

    def test_it_is_believed_again_once_most_are_taken(self) -> None:
        provider = Credibility()
        provider.note(500, 500)
        assert not provider.believes(10, 1)
        provider.note(600, 6)
        assert provider.believes(10, 1)
