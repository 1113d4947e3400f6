"""Benchmarks: what can be measured, and against what."""
