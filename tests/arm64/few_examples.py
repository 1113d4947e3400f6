"""A pytest plugin: fewer examples of each property, because emulation is slow and finds no other bugs in our Python."""

from hypothesis import HealthCheck, settings

settings.register_profile("emulated", deadline=None, suppress_health_check=list(HealthCheck), max_examples=10)
