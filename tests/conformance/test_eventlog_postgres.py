from __future__ import annotations

import pytest

from shared.eventlog.postgres import PostgresStore
from tests.conformance.eventlog_ground import Connect
from tests.conformance.eventlog_suite import EventLogSuite
from tests.kit.fixtures import MakeDatabase
from tests.kit.noted import SOURCE, with_log

pytestmark = pytest.mark.integration


class TestPostgres(EventLogSuite):
    @pytest.fixture
    async def connect(self, database: MakeDatabase) -> Connect:
        dsn = (await database(with_log)).app_dsn

        async def as_another_process() -> PostgresStore:
            return PostgresStore(dsn, source=SOURCE)

        return as_another_process
