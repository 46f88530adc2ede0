"""`python -m kullm_tui`: the same as `kullm`."""

import sys

from kullm_tui.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
