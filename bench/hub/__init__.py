"""What the hub is measured with: `python -m bench.hub` prints a table and writes `bench/results/hub.json`."""
