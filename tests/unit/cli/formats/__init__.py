"""The formats of `audit`, as pure functions of what was found."""
