"""What every test stands on."""

import signal

# A shell that runs a whole check in the background has its children ignore ctrl-c, and theirs; the tests send it on purpose.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
