"""Run by Nuke where it has windows: the nodes' menu. It never stops Nuke from starting."""

import sys

try:
    from impasto.nuke.inside import menus

    menus.add()
except Exception as error:
    print(f"Impasto: no menu: {error!r}", file=sys.stderr)
