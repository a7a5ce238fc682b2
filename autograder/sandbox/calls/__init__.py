"""A call across the wall, on both of its sides."""
