"""The live state beside the wires, and how the board looks where there is little to show."""

from __future__ import annotations

import numpy as np
import pytest
from boards import Bench
from PySide6.QtGui import QColor, QImage

from app import theme
from app.canvas import geometry
from app.canvas.live import projected
from app.canvas.scene import summary
from qdesigner.circuit.blocks import BLOCKS
from qdesigner.circuit.circuit import Circuit, resources
from qdesigner.circuit.embeddings import AMPLITUDE
from qdesigner.design import edits
from qdesigner.session.events import PreviewAnswer

pytestmark = pytest.mark.usefixtures("qapp")


def _accent_pixels(bench: Bench, wire: int, left: float, right: float) -> list[int]:
    """x of the accent-coloured pixels of a wire's bar, from the live column's left edge."""
    image: QImage = bench.board.viewport().grab().toImage()
    accent = QColor(theme.current().accent).rgb()
    y = round(bench.board.view().y(bench.board.base.wire_y(wire))) - 4
    start = image.width() - geometry.LIVE
    return [x for x in range(int(left), int(right)) if image.pixel(start + x, y) == accent]


@pytest.mark.parametrize(("z", "half"), [(0.8, "right"), (-0.8, "left")])
def test_the_bar_grows_to_the_side_of_the_sign_of_z(z: float, half: str) -> None:
    bench = Bench("RY layer", wires=2)
    bloch = np.array([[0.0, 0.0, z], [0.0, 0.0, 0.0]])
    bench.board.show_live(PreviewAnswer(1, bloch, bloch[:, 2]))
    middle = 88 + 48
    left = len(_accent_pixels(bench, 0, 88, middle - 1))
    right = len(_accent_pixels(bench, 0, middle + 1, 184))
    assert (left > 30 and right == 0) if half == "left" else (right > 30 and left == 0)


def test_an_answer_for_another_number_of_wires_is_not_shown() -> None:
    bench = Bench("RY layer", wires=2)
    bench.board.show_live(PreviewAnswer(1, np.ones((3, 3)), np.ones(3)))
    assert _accent_pixels(bench, 0, 0, 190) == []


def test_an_answer_with_an_error_paints() -> None:
    bench = Bench("RY layer", wires=2)
    bench.board.show_live(PreviewAnswer(1, error="Too many wires for a live state."))
    assert not bench.board.viewport().grab().isNull()


def test_a_pure_state_reaches_the_spheres_edge_and_a_mixed_one_does_not() -> None:
    up, down = projected(0, 0, 1), projected(0, 0, -1)
    assert up == pytest.approx((0, -down[1]))
    assert up[1] < -0.9
    assert projected(1, 0, 0)[0] > 0.9
    assert projected(0, 0, 0.5)[1] == pytest.approx(up[1] / 2)


def test_the_image_chooser_says_which_was_chosen() -> None:
    bench = Bench("RY layer")
    chosen: list[int] = []
    bench.board.image_chosen.connect(chosen.append)
    box = bench.board._images
    assert not box.isVisibleTo(bench.board)
    bench.board.set_images(["image 0", "image 1"])
    assert box.isVisibleTo(bench.board)
    box.activated.emit(1)
    assert chosen == [1]
    bench.board.set_images([])
    assert not box.isVisibleTo(bench.board)


@pytest.mark.parametrize("text", ["", "RY layer", "2 × []", "CNOT all-to-all | SWAP 0,1 | RX 0"])
@pytest.mark.parametrize("wires", [2, 8, 24])
@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_every_circuit_paints_without_a_word_from_qt(
    text: str, wires: int, look: theme.Theme
) -> None:
    bench = Bench(text, wires)
    theme.use(look)
    image = bench.board.viewport().grab().toImage()
    assert image.pixelColor(300, 12) == QColor(look.panel)


@pytest.mark.parametrize("look", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("readout", [
    {"wires": (0, 3), "observable": "Y"},
    {"kind": "probabilities", "wires": (3, 0, 1)},
    {"kind": "pauli_sum", "sums": ("0.5 Z0 Z2 - X3", "2")},
    {"kind": "pauli_sum", "sums": tuple(f"X{k} Y{(k + 1) % 4} Z{(k + 2) % 4}" for k in range(4))},
])  # fmt: skip
def test_every_block_and_readout_paints_without_a_word_from_qt(
    readout: dict[str, object], look: theme.Theme
) -> None:
    order = sorted(BLOCKS, key=lambda kind: kind != AMPLITUDE)
    blocks = [edits.new_block(Circuit(wires=4), kind) for kind in order]
    apart = blocks[0].but(wires=(0, 2, 3))
    circuit = edits.set_readout(Circuit(wires=4, blocks=(apart, *blocks[1:])), **readout)
    bench = Bench("", 4)
    theme.use(look)
    bench.document.change_circuit("x", lambda _: circuit)
    bar = bench.board.horizontalScrollBar()
    for place in range(0, bar.maximum() + bar.pageStep(), bar.pageStep()):
        bar.setValue(place)
        image = bench.board.viewport().grab().toImage()
        assert image.pixelColor(300, 12) == QColor(look.panel)


def test_the_last_line_counts_every_gate_of_several_wires() -> None:
    circuit = Bench("CNOT ring | CRX 0→1 | Toffoli 0,1→2 | RY layer", wires=3).circuit
    assert summary(resources(circuit)) == "depth 6 · 3 CNOT · 1 Toffoli · 1 CRX · 4 weights"


def test_all_wires_show_in_a_usual_board_and_many_scroll() -> None:
    assert Bench("RY layer", 8, (1100, 520)).board.verticalScrollBar().maximum() == 0
    assert Bench("RY layer", 24, (1100, 520)).board.verticalScrollBar().maximum() > 0


def test_a_long_circuit_shrinks_only_while_it_can_be_read() -> None:
    assert Bench("RY layer").board.scale == 1.0
    long = Bench(" | ".join(["CNOT all-to-all"] * 9))
    assert long.board.scale == geometry.SMALLEST_SCALE
    assert long.board.horizontalScrollBar().maximum() > 0
