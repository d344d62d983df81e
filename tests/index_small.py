"""The command line with pieces of 12 s instead of minutes, each heard a little slower: for tests that stop it."""

from __future__ import annotations

import sys
import time

from earmark.archive import pieces, windows
from earmark.cli import main
from long_sounds import SMALL_S

PAUSE_S = 0.02

if __name__ == "__main__":
    windows.PIECE_S = SMALL_S
    heard_at_once = pieces.outline

    def slower(waveform):  # type: ignore[no-untyped-def]
        time.sleep(PAUSE_S)
        return heard_at_once(waveform)

    pieces.outline = slower
    sys.argv[0] = "earmark"
    main()
