"""The training of the gate: sounds, mixtures, the net, the report."""
