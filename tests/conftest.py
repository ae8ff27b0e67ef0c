"""Makes the kit's fixtures known to every test, and says how property tests run."""

from hypothesis import settings

pytest_plugins = ["tests.kit.fixtures", "tests.simulation.fresh"]

# How long one example takes says more about the machine than about the code; pytest bounds a test.
settings.register_profile("caselog", deadline=None)
settings.load_profile("caselog")
