"""Moments from the broker into the store."""
