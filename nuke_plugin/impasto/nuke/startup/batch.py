"""`nuke -t batch.py SCRIPT.nk --node StyleTransfer1 --frames 1001-1100`: render nodes and end with an exit code."""

import sys

from impasto.nuke.inside import batch

sys.exit(batch.main(sys.argv[1:]))
