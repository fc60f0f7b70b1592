"""Server programs on loopback, each started by the test that needs it and ended with it."""
