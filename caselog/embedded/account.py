"""As whom a server runs. PostgreSQL refuses to run as root, also where root is all there is.

Started as root it runs as the owner of its data, and new data belongs to ``nobody``: a user that
every system has, so that none is created and left behind. Directories above it that are closed to
others (``/root``) stay closed; instead the server keeps the one capability to pass through them,
and only if there is such a directory. An ordinary user's server runs as that user.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

UNPRIVILEGED: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """Another user to run as; ``keep_reach``: some directory on the way is closed to it."""

    uid: int
    gid: int
    keep_reach: bool

    def give(self, path: Path) -> None:
        """Make it the owner of a file or of an empty directory."""
        os.chown(path, self.uid, self.gid)


def account_for(data: Path, binaries: Iterable[Path]) -> Account | None:
    """The user to run as with this data directory; None: as who we are.

    Raises:
        LookupError: this is root, and the system has no user to run as instead.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    if owner == 0:
        entry = pwd.getpwnam(UNPRIVILEGED)
        uid, gid = entry.pw_uid, entry.pw_gid
    else:
        uid, gid = owner, data.stat().st_gid
    reach = all(open_to_others(path) for path in (*data.absolute().parents, *binaries))
    return Account(uid, gid, keep_reach=not reach)


def open_to_others(path: Path) -> bool:
    """Whether anyone may read this file, or pass this directory; true of what is not there yet."""
    if not path.exists():
        return True
    needed = stat.S_IXOTH if path.is_dir() else stat.S_IROTH
    return bool(path.stat().st_mode & needed) and (
        path.is_dir() or all(open_to_others(parent) for parent in path.absolute().parents)
    )
