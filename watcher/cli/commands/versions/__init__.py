"""The command that looks at the endpoint itself."""
