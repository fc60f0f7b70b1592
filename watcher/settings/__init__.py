"""Settings from files, secrets, the environment and the command line."""
