"""Makes the kit's fixtures known to every test."""

pytest_plugins = ["tests.kit.fixtures"]
