"""Source text of circuits that only give numbers, in Qiskit or Braket, and of the parameter-shift
rule that makes torch modules of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from qdesigner.circuit.circuit import Circuit, expand
from qdesigner.circuit.free import free
from qdesigner.circuit.groups import Group, groups
from qdesigner.circuit.readout import Observable
from qdesigner.export.circuit_text import circuit_lines
from qdesigner.export.formulas import CONTROLLED, Dialect
from qdesigner.export.initial import all_trained, first_weights, title, whole_weights
from qdesigner.export.source import LINE, bracketed, filled, indented

_RULES = """
# A derivative is the sum of factor · f(angle + shift) over such pairs (arXiv 2107.12390).
TWO_TERMS = ((0.5, math.pi / 2), (-0.5, -math.pi / 2))
"""

_FOUR_TERMS = """
NEAR, FAR = (math.sqrt(2) + 1) / (4 * math.sqrt(2)), (math.sqrt(2) - 1) / (4 * math.sqrt(2))
FOUR_TERMS = (
    (NEAR, math.pi / 2),
    (-NEAR, -math.pi / 2),
    (-FAR, 3 * math.pi / 2),
    (FAR, -3 * math.pi / 2),
)
"""

_SHIFT = '''

class Angles:
    """The angles that depend on weights or features: a parameter and a column of numbers each."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.columns: list[torch.Tensor] = []
        self.rules: list[tuple] = []

    def __call__(self, value: torch.Tensor, rule: tuple = TWO_TERMS) -> <<parameter>>:
        self.columns.append(value.expand(self.batch))
        self.rules.append(rule if value.requires_grad else ())
        return <<number>>


class ParameterShift(torch.autograd.Function):
    """What a circuit gives [batch, outputs] by its angles [batch, angles]; its derivatives come
    from running it again with one angle shifted at a time."""

    @staticmethod
    def forward(ctx, run, rules: list, angles: torch.Tensor) -> torch.Tensor:
        ctx.run, ctx.rules = run, rules
        ctx.save_for_backward(angles)
        return torch.from_numpy(run(angles.detach().numpy()))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        (angles,) = ctx.saved_tensors
        slopes = torch.zeros_like(angles)
        terms = [(place, *term) for place, rule in enumerate(ctx.rules) for term in rule]
        if not terms:
            return None, None, slopes
        shifted = angles.repeat(len(terms), 1, 1)
        for row, (place, _, shift) in enumerate(terms):
            shifted[row, :, place] += shift
        values = torch.from_numpy(ctx.run(shifted.flatten(0, 1).numpy()))
        of_terms = (values.view(len(terms), *gradient.shape) * gradient).sum(dim=2)
        for (place, factor, _), slope in zip(terms, of_terms, strict=True):
            slopes[:, place] += factor * slope
        return None, None, slopes
'''

_PREPARE = '''

def prepare(circuit: <<circuit>>, wires: list | range, amplitudes: torch.Tensor, angle) -> None:
    """RY and CNOT that give the amplitudes [batch, 2**wires], up to their norm, to the wires
    (Möttönen et al., arXiv quant-ph/0407010)."""
    norms = [amplitudes]
    while norms[0].shape[1] > 1:
        norms.insert(0, torch.hypot(norms[0][:, ::2], norms[0][:, 1::2]))
    signs = torch.ones(1, 1, dtype=torch.float64)
    for place, (wire, halves) in enumerate(zip(wires, norms[1:], strict=True)):
        turns = 2 * torch.atan2(halves[:, 1::2], halves[:, ::2]) @ signs / 2**place
        for step in range(1, 2**place + 1):
            <<ry>>
            if place:
                moved = min((step & -step).bit_length(), place)
                <<cx>>
        signs = torch.kron(signs, torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64))
'''

_MODULE = '''

class <<name>>(nn.Module):
    """<<title>>"""

    def __init__(self) -> None:
        super().__init__()
        <<first>>
        self.circuits: list[<<circuit>>] = []  # one for each of <<measured>>, made when first run

    def forward(self, angles: torch.Tensor) -> torch.Tensor:
        <<whole>>
        angle = Angles(len(angles))
        circuit = <<function>>(angles.double(), <<weights>>, angle)
        if not self.circuits:
            self.circuits = [measured(circuit, *what[:2]) for what in <<measured>>]
        columns = [torch.zeros(len(angles), 0, dtype=torch.float64), *angle.columns]
        values = ParameterShift.apply(self.run, angle.rules, torch.column_stack(columns))
        return values.to(angles.dtype)

    def run(self, angles: np.ndarray) -> np.ndarray:
        """What comes out [rows, <<outputs>>] at these angles [rows, angles]."""
        values = np.tile(<<constants>>, (len(angles), 1))
        for circuit, (wires, _, <<terms>>) in zip(self.circuits, <<measured>>, strict=True):
            for row, shares in enumerate(outcomes(circuit, wires, angles)):
                <<counted>>
        return values
'''

_SIGNS = """
signs = 1 - 2 * np.array([list(bits) for bits in shares], dtype=int)
for output, factor, places in terms:
    products = signs[:, places].prod(axis=1)
    values[row, output] += factor * np.dot(list(shares.values()), products)
"""

_STATES = """
for bits, share in shares.items():
    values[row, int(bits, 2)] = share
"""


def rules(circuits: Sequence[Circuit]) -> list[str]:
    """Lines of the constants of the parameter-shift rule."""
    gates = {op.gate for circuit in circuits for op in expand(circuit).operations}
    lines = filled(_RULES, {})[1:]
    return lines + (filled(_FOUR_TERMS, {})[1:] if gates & CONTROLLED else [])


def parameters(circuits: Sequence[Circuit]) -> int:
    """How many angles the circuit with most of them has; those that prepare amplitudes count."""
    counts = []
    for each in map(free, circuits):
        prepared = (1 << len(each.prepared.wires)) - 1 if each.prepared is not None else 0
        counts.append(len(each.angles) + prepared)
    return max(counts)


def shift(parameter: str, number: str) -> list[str]:
    """Lines of the classes that collect angles and differentiate by them: ``number`` is the text of
    the parameter that stands for the newest column."""
    return filled(_SHIFT, {"parameter": parameter, "number": number})


def preparation(circuits: Sequence[Circuit], circuit: str, ry: str, cx: str) -> list[str]:
    """Lines of ``prepare``, where one of the circuits begins with amplitudes."""
    gates = {op.gate for c in circuits for op in expand(c).operations}
    return (
        filled(_PREPARE, {"circuit": circuit, "ry": ry, "cx": cx}) if "AMPLITUDE" in gates else []
    )


def circuit_module(
    circuit: Circuit, name: str, dialect: Dialect, kind: str, begun: Sequence[str]
) -> list[str]:
    """Lines of a function that makes the circuit, of what is measured of it, and of the class
    ``name`` that holds its weights; ``kind`` is the library's class of circuits, and ``begun`` are
    lines that make an empty one."""
    number = name.removeprefix("QuantumLayer")
    function, constant = f"quantum_circuit{number}", f"MEASURED{number}"
    probabilities = circuit.readout.kind == "probabilities"
    parts: dict[str, str | list[str]] = {
        "name": name,
        "title": title(circuit),
        "first": first_weights(circuit),
        "circuit": kind,
        "measured": constant,
        "whole": [] if all_trained(circuit) else whole_weights(circuit),
        "weights": "self.weights.double()" if all_trained(circuit) else "weights",
        "function": function,
        "outputs": str(circuit.outputs),
        "constants": _constants(circuit),
        "terms": "_" if probabilities else "terms",
        "counted": filled(_STATES if probabilities else _SIGNS, {})[1:],
    }
    return [
        *bracketed(
            f"def {function}(",
            ["inputs: torch.Tensor", "weights: torch.Tensor", "angle: Angles"],
            f") -> {kind}:",
        ),
        *indented(begun),
        *indented(circuit_lines(circuit, dialect)),
        "    return circuit",
        "",
        "",
        *_measured(circuit, constant),
        *filled(_MODULE, parts),
    ]


def _constants(circuit: Circuit) -> str:
    """The text of what every row begins with: the terms without a Pauli."""
    found = [
        sum(coefficient for coefficient, word in observable if not word)
        for observable in circuit.readout.observables(circuit.wires)
    ]
    return f"np.array({found})" if any(found) else f"np.zeros({circuit.outputs})"


def _measured(circuit: Circuit, constant: str) -> list[str]:
    """Lines of the constant that says what is measured: wires, the Pauli of each, and the products
    (output, factor, places among the wires) that they give."""
    readout = circuit.readout
    observables = readout.observables(circuit.wires)
    if readout.kind == "probabilities":
        on = list(readout.on(circuit.wires))
        return [f'{constant} = [({on}, "{"Z" * len(on)}", [])]  # wires, their Paulis']
    items = [_item(group, observables) for group in groups(observables)]
    comment = "# What is measured together: wires, their Paulis, (output, factor, places) of each"
    whole = bracketed(f"{constant} = [", items, "]")
    return [f"{comment} product.", *(line for text in whole for line in text.split("\n"))]


def _item(group: Group, observables: Sequence[Observable]) -> str:
    """One measurement as text: what does not fit on a line is broken as formatters do."""
    wires = list(group.wires)
    paulis = "".join(pauli for _, pauli in group.axes)
    terms = [
        (output, coefficient, [wires.index(wire) for wire, _ in word])
        for output, observable in enumerate(observables)
        for coefficient, word in observable
        if word in group.words
    ]
    shown = str(terms)
    if len(terms) > 1 and terms == [(k, 1.0, [k]) for k in range(len(terms))]:
        shown = f"[(k, 1.0, [k]) for k in range({len(terms)})]"
    flat = f'({wires}, "{paulis}", {shown})'
    if len(flat) <= LINE - 5:
        return flat
    parts = [shown]
    if len(shown) > LINE - 9:
        parts = ["[", *(f"    {term}," for term in terms), "]"]
    inner = [f"{wires},", f'"{paulis}",', *parts[:-1], f"{parts[-1]},"]
    return "\n".join(["(", *(f"        {line}" for line in inner), "    )"])
