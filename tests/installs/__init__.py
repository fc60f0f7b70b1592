"""The ComfyUI folders that comfy-cli and the Manager build, and what those list of them, beside what we read in them.

Both are real, unmodified, and run as programs of their own (`.venv-installs`). What they need of a network is played on
loopback: the registry's `install` and the archives behind a proxy, GitHub's repositories as bare ones that git is sent
to by `insteadOf`, the listing of all packs as the Manager's own cache file. Their telemetry is off.

Not here, for want of a network or of the program: ComfyUI itself (`stand_in/` has the few modules of it that the
Manager imports, and serves the Manager's routes), torch, the Manager's older line 3 (no package index has it; its two
routes without `/v2` and its snapshots without lower-case rules are held by hand in the fast tests), Desktop.
"""
