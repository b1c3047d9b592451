"""The window's side of its child processes: the events they send and the client that owns them."""
