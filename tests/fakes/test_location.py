"""The receiver in memory."""

import pytest

from hero365_edge.core.context import Fix
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.location import FakeLocation


async def test_it_tells_each_place_in_order_and_fails_once_for_each_unplug() -> None:
    location = FakeLocation()
    places = [Fix(1.0, 2.0, 0.0), Fix(3.0, 4.0, 1.0)]
    location.be_at(places[0])
    location.unplug()
    location.be_at(places[1])
    assert await location.fix() == places[0]
    with pytest.raises(DeviceError, match="not there"):
        await location.fix()
    assert await location.fix() == places[1]
