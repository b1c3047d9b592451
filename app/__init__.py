"""The Qt program. It never imports torch, torchvision, pennylane or qiskit."""
