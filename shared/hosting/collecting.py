"""How often Python looks for reference cycles: seldom, and never among what start-up made."""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (10_000, 20, 20)
"""New containers before the youngest are looked through, and how many such rounds make the next
older ones worth it. Python's own are (700, 10, 10), which took a fifth of a busy service's time.
"""


def collect_seldom() -> None:
    """For a process that runs long; call it when all is imported.

    Nearly everything that a request leaves goes by reference counts. Modules and classes stay for
    good, and are not looked through any more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
