"""Source text of what is measured of a circuit, in PennyLane, and in words."""

from __future__ import annotations

from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.readout import Observable, Word
from qdesigner.export.source import LINE, bracketed, width, wrapped


def in_words(circuit: Circuit) -> str:
    """What comes out: ``⟨Z⟩ of each wire [batch, 4]``."""
    readout = circuit.readout
    shape = f"[batch, {circuit.outputs}]"
    if readout.kind == "pauli_sum":
        sums = "a sum" if circuit.outputs == 1 else f"{circuit.outputs} sums"
        return f"{sums} of Paulis {shape}"
    on = readout.on(circuit.wires)
    listed = ", ".join(map(str, on))
    named = f"wire{'s' if len(on) > 1 else ''} {listed}" if len(on) < 7 else f"{len(on)} wires"
    if readout.kind == "probabilities":
        of = "all wires" if readout.wires is None else named
        return f"probabilities of {of} {shape}"
    of = "each wire" if readout.wires is None else named
    return f"⟨{readout.observable}⟩ of {of} {shape}"


def listed_wires(circuit: Circuit) -> str:
    """The wires it reads as an iterable: ``range(4)`` or ``[0, 2]``."""
    on = list(circuit.readout.on(circuit.wires))
    return f"range({len(on)})" if on == list(range(len(on))) else str(on)


def returned(circuit: Circuit) -> list[str]:
    """The lines, at depth 0 of a function's body, that return PennyLane's measurements."""
    readout = circuit.readout
    if readout.kind == "probabilities":
        return _fitted("return qml.probs(wires=", listed_wires(circuit), ")")
    if readout.kind == "expectation":
        each = f"qml.expval(qml.Pauli{readout.observable}(wire)) for wire in "
        return _fitted(f"return [{each}", listed_wires(circuit), "]")
    items = []
    for observable in readout.observables(circuit.wires):
        summands = pauli_sum(observable)
        flat = f"qml.expval({' '.join(summands)})"
        if width(flat) > LINE - 9:
            whole = [" ".join(summands)] if width(" ".join(summands)) <= LINE - 12 else summands
            flat = "\n".join(["qml.expval(", *(f"        {text}" for text in whole), "    )"])
        items.append(flat)
    whole = bracketed("return [", items, "]", LINE - 4)
    return [line for text in whole for line in text.split("\n")]


def _fitted(before: str, wires: str, after: str) -> list[str]:
    flat = before + wires + after
    return [flat] if width(flat) <= LINE - 4 else wrapped(flat, LINE - 4)


def pauli_sum(observable: Observable) -> list[str]:
    """The summands, ``["0.5 * (qml.PauliZ(0) @ qml.PauliZ(1))", "- qml.PauliX(2)"]``."""
    summands: list[str] = []
    for coefficient, word in observable:
        size = abs(coefficient)
        product = _product(word) if size == 1.0 else f"{size!r} * {_product(word)}"
        sign = "-" if coefficient < 0 else "+"
        if summands:
            summands.append(f"{sign} {product}")
        else:
            summands.append(f"-{product}" if sign == "-" else product)
    return summands


def _product(word: Word) -> str:
    paulis = " @ ".join(f"qml.Pauli{pauli}({wire})" for wire, pauli in word)
    return f"({paulis})" if len(word) > 1 else paulis or "qml.Identity(0)"
