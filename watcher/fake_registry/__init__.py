"""A registry on loopback, for the demo, the tests and the benchmark."""
