"""Which contract this is, for the handshake between client and server.

`REVISION` is raised with a release whose contract holds something that an older server would leave aside without a word;
`OLDEST` is the oldest client that a server of this release works with. Both sides send theirs with every call.
"""

REVISION = 1
OLDEST = 1

CLIENT = "impasto-client"
"""Metadata of a call: the client's version, a slash, and its revision."""
SERVER = "impasto-server"
"""Metadata of an answer: the same of the server."""
CLOCK = "impasto-clock"
"""Metadata of an answer: the server's time, in seconds since 1970."""


def told(version: str, revision: int = REVISION) -> str:
    """What a side says of itself."""
    return f"{version}/{revision}"


def heard(text: str | bytes | None) -> tuple[str, int]:
    """Version and revision the other side said; revision 0 where it said nothing that is understood."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text or ""
    version, _, revision = said.partition("/")
    return version or "unknown", int(revision) if revision.isascii() and revision.isdigit() else 0
