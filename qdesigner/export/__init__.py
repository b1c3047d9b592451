"""A Design written as source text that runs without qdesigner."""
