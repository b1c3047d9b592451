"""The built-in simulator: compiled programs, Numba kernels, and their torch layer."""
