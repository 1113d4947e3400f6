"""Decisions: no await, no I/O, no clock, no log, no thread. The caller brings the time."""
