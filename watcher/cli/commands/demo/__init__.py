"""`demo`: a local registry that changes between polls, and the alerts of the real watcher."""
