"""A whole registry whose harmless packs are flagged, made up from a seed, and what of it a channel may leave out."""
