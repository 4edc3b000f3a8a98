"""Thousands of virtual devices at a real broker, before real hubs over one PostgreSQL."""
