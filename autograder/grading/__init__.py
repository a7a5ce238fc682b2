"""Grade many submissions side by side, each in its own judge and box."""
