"""Everything that can happen to a device in the field, at random and for real, and what it costs."""
