"""Makes the kit's fixtures known to every test, and says how property tests run."""

import os
import signal

from hypothesis import settings

pytest_plugins = ["tests.kit.fixtures", "tests.simulation.fresh"]

# How long one example takes says more about the machine than about the code; pytest bounds a test.
settings.register_profile("caselog", deadline=None)
# What CI finds, anyone finds again: the same examples every time. `make fuzz` looks for new ones.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile(
    "fuzz", deadline=None, print_blob=True, max_examples=int(os.environ.get("EXAMPLES", "10000"))
)
settings.load_profile("ci" if os.environ.get("CI") else "caselog")

# A shell starts what runs in the background with SIGINT ignored, and so would be what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
