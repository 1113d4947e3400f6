"""The world in memory: mirrors `devices/` name by name, with verbs of the outside world."""
