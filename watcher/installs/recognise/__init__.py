"""Packs recognised in bytes and texts. Pure: no file, network or clock; everything read is untrusted."""
