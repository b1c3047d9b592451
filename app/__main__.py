"""``python -m app``: the same program as ``qdesigner``."""

from app.main import main

if __name__ == "__main__":
    main()
