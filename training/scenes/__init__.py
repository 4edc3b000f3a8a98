"""The training of the scene reader: data, hearings, the net, the report."""
