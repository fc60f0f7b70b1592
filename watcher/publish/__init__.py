"""What the state knows, as files that any static host can serve (docs/publish.md)."""
