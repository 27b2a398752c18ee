"""Templates are judged by what they do, not by how busy the machine is."""

import pytest

from chassis.errors import Unavailable
from services.campaigns.clients.renderer import Renderer
from services.campaigns.domain.rendering import Source


class TestARendererOnABusyMachine:
    async def test_it_does_not_blame_the_template(self):
        renderer = Renderer(wall_seconds=0.001)
        source = Source({"text": "Chào {{ display_name }}"}, {"text": 1_000})

        with pytest.raises(Unavailable) as refused:
            await renderer.admit(source)

        assert refused.value.reason == "RENDERER_FAILED"
