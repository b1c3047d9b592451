"""The circuit board: geometry, painting, and the gestures that edit it."""
