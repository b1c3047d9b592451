"""What can be learnt of a circuit besides its readout, in plain NumPy."""
