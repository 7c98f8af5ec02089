"""Speed and size: `run.py` is what `make bench` runs, `group.py` says what a group of rows is, each other module measures some."""
