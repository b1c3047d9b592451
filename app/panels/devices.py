"""Where the circuits run: the button in the header, and what the inspector shows of the device."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QToolButton

from app.document import DEVICE, Document
from app.panels.header import number
from app.panels.rows import Row
from qdesigner.catalog.devices import (
    AUTO,
    DEVICES,
    SNAPSHOTS,
    gradient,
    legal_gradients,
    missing,
)
from qdesigner.circuit.circuit import Circuit
from qdesigner.circuit.fields import Field
from qdesigner.design import edits
from qdesigner.design.plan import duration, step_cost
from qdesigner.design.spec import MAX_SHOTS, Design, DeviceSpec


class DeviceButton(QToolButton):
    """The device in use; a click chooses another and shows its settings in the inspector."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setProperty("kind", "choice")
        self.setAccessibleName("Device")
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(lambda: fill(menu, document))
        self.setMenu(menu)
        document.changed.connect(lambda _design: self._show())
        self._show()

    def _show(self) -> None:
        device = self._document.design.device
        shots = f" · {shots_words(device)}" if device.shots else ""
        name = DEVICES[device.name].label + shots
        self.setText(name)
        noise = f", {noise_words(device)}" if device.noise else ""
        self.setToolTip(f"The circuits run on {name}{noise}: {DEVICES[device.name].hint}")


def fill(menu: QMenu, document: Document) -> None:
    """Every device; one whose library is missing says how to install it."""
    menu.clear()
    for name, kind in DEVICES.items():
        action = menu.addAction(kind.label, lambda name=name: use(document, name))
        action.setCheckable(True)
        action.setChecked(name == document.design.device.name)
        absent = missing(kind)
        action.setEnabled(not absent)
        action.setToolTip(absent or kind.hint)
        if absent:
            action.setText(f"{kind.label}   (not installed)")
    menu.addSeparator()
    menu.addAction("Shots, gradients, noise…", lambda: document.select_stage(DEVICE))


def use(document: Document, name: str) -> None:
    """Run the circuits on this device from now on."""
    design = edits.set_device(document.design, name=name)
    document.apply(f"Run on {DEVICES[name].label}", design)
    document.select_stage(DEVICE)


def device_rows(design: Design, train: bool = True) -> list[Row]:
    """The device and what is legal on it: only what has an effect. Without ``train`` no gradients
    are wanted."""
    spec, kind = design.device, DEVICES[design.device.name]
    known = [row for row in DEVICES.values() if row is kind or not missing(row)]
    rows = [
        _row(
            Field("name", "Device", "choice", spec.name, choices=tuple(row.name for row in known)),
            tuple(row.label for row in known),
            "wide",
        )
    ]
    methods = _methods(design) if train else []
    if methods:
        choices = tuple(dict.fromkeys((AUTO, *methods, spec.gradient)))
        rows.append(_row(
            Field("gradient", "Gradients", "choice", AUTO, choices=choices,
                  hint="How gradients are computed; automatic takes the fastest"),
            (f"automatic · {methods[0]}", *choices[1:]),
        ))  # fmt: skip
    if kind.shots:
        hint = "Measurements of each circuit" + ("; 0: exact values" if kind.exact else "")
        rows.append(_row(Field("shots", "Shots", "int", 0, 0, MAX_SHOTS, hint=hint)))
    if kind.noises:
        wide = max((circuit.wires for circuit in circuits(design)), default=1)
        fitting = [n for n in kind.noises if SNAPSHOTS.get(n, wide) >= wide or n == spec.noise]
        texts = tuple(_noise_text(name) for name in fitting)
        rows.append(_row(
            Field("noise", "Noise", "choice", "", choices=("", *fitting)), ("none", *texts)
        ))  # fmt: skip
        if kind.leveled and spec.noise:
            level = Field("noise_level", "Probability", "float", 0.0, 0.0, 1.0,
                          hint="Of the channel after every gate, on each of its wires")  # fmt: skip
            rows.append(_row(level))
    if kind.target:
        rows.append(_row(Field("target", "Target", "choice", "", hint=kind.target), look="text"))
    return rows


def device_about(design: Design) -> str:
    """What the device is, and what a training step costs there."""
    kind = DEVICES[design.device.name]
    used = circuits(design)
    if not used or not kind.gradients:
        return f"{kind.hint}."
    cost = step_cost(design)
    methods = {gradient(design.device, circuit) for circuit in used}
    way = f" by {' and '.join(sorted(methods))}" if all(methods) else ""
    return (
        f"{kind.hint}. A training step of {number(design.training.batch_size)} images runs "
        f"{number(cost.circuits)} circuits{way}: about {duration(cost.milliseconds)}."
    )


def circuits(design: Design) -> list[Circuit]:
    """Every circuit of the design."""
    return [stage.circuit for stage in design.stages if stage.circuit is not None]


def _methods(design: Design) -> list[str]:
    """The gradient methods that are legal for every circuit."""
    legal = [legal_gradients(design.device, circuit) for circuit in circuits(design)]
    first = legal[0] if legal else DEVICES[design.device.name].gradients
    return [method for method in first if all(method in methods for methods in legal)]


def shots_words(spec: DeviceSpec) -> str:
    """How often each circuit is measured, "exact" for exact values."""
    return f"{number(spec.shots)} shot{'s'[: spec.shots != 1]}" if spec.shots else "exact"


def noise_words(spec: DeviceSpec) -> str:
    """The noise of a device in a few words, "" for none."""
    if spec.noise in SNAPSHOTS:
        return f"noise of {spec.noise.removeprefix('fake_').capitalize()}"
    level = f" {spec.noise_level:g}" if spec.noise and DEVICES[spec.name].leveled else ""
    return f"{spec.noise.replace('_', ' ')}{level}"


def _noise_text(name: str) -> str:
    if name in SNAPSHOTS:
        return f"{name.removeprefix('fake_').capitalize()} ({SNAPSHOTS[name]} qubits)"
    return name.replace("_", " ")


def _row(field: Field, texts: tuple[str, ...] = (), look: Any = "") -> Row:
    name = field.name
    return Row(
        field, lambda d: getattr(d.device, name),
        lambda d, value: edits.set_device(d, **{name: value}), texts, look,
    )  # fmt: skip
