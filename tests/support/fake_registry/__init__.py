"""A registry on loopback, for the tests and the benchmark."""
