"""The same circuit on other simulators and on hardware: one file each."""
