"""The world: one library per module, each behind a port of `ports.py`; nothing is decided here."""
