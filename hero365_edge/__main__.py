"""`python -m hero365_edge` is `hero365-edge`."""

import sys

from hero365_edge.cli import main

if __name__ == "__main__":
    sys.exit(main())
