"""The one exception whose text is meant for the user: a sentence saying what, where, what to do."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. ``str(error)`` is a full sentence; the exit code is 2."""
