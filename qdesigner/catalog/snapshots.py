"""Snapshots of IBM's processors whose recorded noise Aer can imitate: names and wires.

They ship inside qiskit-ibm-runtime (`fake_provider`), each with the calibration data of one day;
those that do not stand for a real processor's errors are left out.
"""

from __future__ import annotations

_NAMES = {
    1: "armonk",
    5: (
        "athens belem bogota burlington essex lima london manila ourense quito rome santiago "
        "valencia vigo yorktown"
    ),
    7: "casablanca jakarta lagos nairobi oslo perth",
    15: "melbourne",
    16: "guadalupe",
    20: "almaden boeblingen johannesburg poughkeepsie singapore",
    27: (
        "algiers auckland cairo geneva hanoi kolkata montreal mumbai paris peekskill sydney toronto"
    ),
    28: "cambridge",
    33: "prague",
    53: "rochester",
    65: "brooklyn manhattan",
    120: "berlin miami",
    127: (
        "brisbane brussels cusco kawasaki kyiv kyoto osaka quebec sherbrooke strasbourg washington"
    ),
    133: "torino",
    156: "aachen boston fez kingston marrakesh pittsburgh",
}

SNAPSHOTS: dict[str, int] = {
    f"fake_{name}": wires for wires, names in _NAMES.items() for name in names.split()
}  # name: wires, the smallest processors first
