"""`python -P -m kullm_tui.ui`: the app behind two pipes, as `kullm web` starts one for each tab of the browser."""

import os
import sys

from kullm_tui.ui import start

if __name__ == "__main__":
    os.environ["TEXTUAL_DRIVER"] = "kullm_tui.ui.terminal.browser_driver:BrowserDriver"
    sys.exit(start.run_behind_pipes())
