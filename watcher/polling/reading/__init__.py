"""Reading: every watched node, and why the registry has banned or flagged a version."""
