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

# Three generations of processors: a small one of 2021 that the circuit fits, one of 2022, of 2024.
_SMALL = ("fake_manila", "fake_guadalupe", "fake_kolkata")
_LATER = ("fake_sherbrooke", "fake_fez")


def typical(wires: int) -> tuple[str, ...]:
    """Three snapshots of different generations for a circuit of so many wires, the oldest first."""
    small = next((name for name in _SMALL if SNAPSHOTS[name] >= wires), "")
    return tuple(name for name in (small, *_LATER) if name and SNAPSHOTS[name] >= wires)


def snapshot_words(name: str) -> str:
    """A snapshot as people call it: "Manila"."""
    return name.removeprefix("fake_").capitalize()
