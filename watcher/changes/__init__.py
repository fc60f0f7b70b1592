"""The rules: what differs between a listing and the snapshot, and which event that is. Pure."""
