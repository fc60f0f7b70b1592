"""One look at `GET /versions` for people and scripts: which versions match. It keeps nothing."""
