"""Failed assertions of the suites show their values, as those of test files do."""

import pytest

pytest.register_assert_rewrite(
    "tests.conformance.bus_suite",
    "tests.conformance.eventlog_appending",
    "tests.conformance.eventlog_reading",
)
