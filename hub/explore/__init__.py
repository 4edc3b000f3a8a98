"""What moments say together: places that one returns to, this day in other years, this week against the usual."""
