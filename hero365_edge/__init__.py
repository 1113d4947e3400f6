"""Hero365 edge: a vehicle-mounted box that lets a technician talk to the Hero365 voice agent."""

__version__ = "0.1.0"
