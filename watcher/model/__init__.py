"""The values that everything else speaks of: versions, listings, snapshots, events, channels. Pure."""
