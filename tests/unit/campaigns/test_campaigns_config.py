"""Settings of campaigns."""

import pytest
from pydantic import ValidationError

from services.campaigns.config import Settings

NEEDED = {
    "seal_key": "s",
    "database_url": "postgresql+psycopg://u@h/d",
    "nats_url": "nats://h",
    "issuer_url": "http://h",
    "client_secret": "s",
    "leads_address": "h:1",
    "notifier_address": "h:2",
}


class TestRegions:
    def test_they_are_separated_by_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEKONG_REGIONS", "vn, sg")

        assert Settings.model_validate(NEEDED).regions == ("vn", "sg")

    @pytest.mark.parametrize("wrong", ["", ",", "VN", "vn,s g"])
    def test_what_is_no_region_is_refused(self, wrong: str) -> None:
        with pytest.raises(ValidationError):
            Settings.model_validate({**NEEDED, "regions": wrong})

    def test_the_home_region_is_the_default(self) -> None:
        assert Settings.model_validate(NEEDED).regions == ("vn",)
