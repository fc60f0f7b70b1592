"""The conductor: one poll, and poll after poll."""
