"""Becomes another program, after doing what only the child itself can do.

Started as ``python -I -S launch.py SPEC COMMAND...`` (nothing but the standard library, 10 ms) and
replaced by COMMAND, which so keeps this process id. It writes that id into the lock it inherited,
asks Linux for a signal when the parent dies, and gives up root where the command must not have it.
Doing this between fork and exec of the parent instead is not safe in a program with threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_KEEPCAPS: Final = 8
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
CAPABILITY_VERSION_3: Final = 0x20080522
CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2


def main() -> None:
    spec: dict[str, Any] = json.loads(sys.argv[1])
    command = sys.argv[2:]
    fd = spec["lock_fd"]
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    if spec["uid"] is not None:
        try:
            become(spec["uid"], spec["gid"], keep_reach=spec["keep_reach"])
        except OSError as error:  # root of a container that is allowed nothing
            sys.exit(f"cannot become user {spec['uid']}: {error.strerror}")
    if sys.platform == "linux":  # after `become`: a change of user forgets it
        libc().prctl(PR_SET_PDEATHSIG, spec["death_signal"], 0, 0, 0)
    if os.getppid() != spec["parent"]:  # it died before it could be watched
        sys.exit(1)
    os.execve(command[0], command, dict(os.environ))  # noqa: S606  that is what it is for


def become(uid: int, gid: int, *, keep_reach: bool) -> None:
    """Turn from root into ``uid``; with ``keep_reach`` into one that may pass closed directories.

    What it keeps is the one capability to read past permissions, or where root itself lacks that
    one (containers), the next wider one. It survives exec because it is made ambient.
    """
    ambient = keep_reach and sys.platform == "linux"
    if ambient:
        libc().prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if ambient:
        any(keep_only(capability) for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE))


def keep_only(capability: int) -> bool:
    """Drop all capabilities but this one, which is handed on; False if this process lacks it."""
    c = libc()
    mask = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable
    if c.capset(header, data) != 0:
        return False
    return bool(c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


def libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
