"""The benches of `hero365-edge bench`: one module each, what their figures are held to, and the report.

Each bench has `SPECS`, the figures it can tell, and a coroutine that measures them on ports it is handed. The
arithmetic stands beside it, in modules that see samples only; `tests/bench/hardware/` proves it on signals of known
value.
"""
