"""What every log keeps, whatever it is stored in. Subclasses give ``connect``, nothing else.

``connect()`` opens the database of the test once more, as another process would.
"""

from __future__ import annotations

from tests.conformance.eventlog_appending import Appending
from tests.conformance.eventlog_reading import Reading
from tests.conformance.eventlog_recovering import Recovering


class EventLogSuite(Appending, Reading, Recovering):
    """The whole suite."""
