"""How the watched nodes, the installs and the channels stand."""
