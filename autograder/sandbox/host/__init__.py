"""Our side of the wall: open boxes, steer them, and decode what comes out of them."""
