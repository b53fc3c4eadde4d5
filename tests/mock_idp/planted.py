"""The world of `world.yaml` as on a given day, in a database of its own."""

from datetime import date

from mock_idp.clock import Clock
from mock_idp.settings import Settings
from mock_idp.world.file import load_seed
from mock_idp.world.live import LiveWorld
from mock_idp.world.questions import World


def planted(today: date) -> World:
    clock = Clock()
    clock.move_to(today)
    return LiveWorld(lambda: load_seed(Settings().world_file, today=today), clock=clock).current
