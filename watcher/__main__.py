"""`python -m watcher` is `comfy-watch`."""

from watcher.cli import main

if __name__ == "__main__":
    main()
