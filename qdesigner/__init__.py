"""qdesigner: draw a hybrid quantum-classical image classifier, watch it learn, export it.

This package is the core: everything that works without a screen. It never imports Qt.
"""

__version__ = "0.1.0"
