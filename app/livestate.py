"""The live state: the circuit on the board, the chosen image and the newest weights go to the small
child; its answer goes back to the board. So does the parameter-shift rule of one gate."""

from __future__ import annotations

from PySide6.QtCore import QObject

from app.canvas.view import Board
from app.document import Document
from app.runview import RunView
from app.session import Session
from qdesigner.circuit.circuit import Circuit

MAX_IMAGES = 500  # entries of the image chooser
FRESH = 0.3  # radians: an untrained weight as the preview takes it, so that a new layer shows


class LiveState(QObject):
    """Asks for a new state whenever the circuit, the image or the weights change."""

    def __init__(
        self, document: Document, session: Session, runview: RunView, board: Board
    ) -> None:
        super().__init__()
        self._document, self._session = document, session
        self._runview, self._board = runview, board
        self._circuit: Circuit | None = None
        self._labels: list[str] = []
        board.preview_wanted.connect(self._ask)
        board.shift_wanted.connect(self._ask_shift)
        board.image_chosen.connect(self._choose)
        session.preview.connect(board.show_live)
        session.shift.connect(board.show_shift)
        runview.predictions_changed.connect(self._run_changed)
        runview.state_changed.connect(self._run_changed)
        runview.image_chosen.connect(self._chosen)
        document.stage_selected.connect(lambda _name: self._again())
        document.replaced.connect(self._forget)

    def begin(self) -> None:
        """Ask for the circuit that is on the board already."""
        stage = self._document.circuit_stage()
        if stage is not None and stage.circuit is not None:
            self._ask(stage.circuit)

    def _ask(self, circuit: Circuit) -> None:
        self._circuit = circuit
        stage = self._document.circuit_stage()
        name = stage.id if stage is not None else ""
        angles = self._runview.angles_for(name, circuit)
        self._board.show_as_example(angles is None)
        self._session.ask_preview(
            circuit,
            angles,
            self._runview.weights_for(name, circuit, FRESH),
        )

    def _ask_shift(self, circuit: Circuit, operation: int, output: int) -> None:
        stage = self._document.circuit_stage()
        name = stage.id if stage is not None else ""
        self._session.ask_shift(
            circuit,
            operation,
            output,
            self._runview.angles_for(name, circuit),
            self._runview.weights_for(name, circuit, FRESH),
        )

    def _again(self) -> None:
        if self._circuit is not None:
            self._ask(self._circuit)
            self._board.rule.again()

    def _choose(self, image: int) -> None:
        self._runview.chosen_image = image

    def _chosen(self, image: int) -> None:
        self._board.choose_image(image)
        self._again()

    def _run_changed(self) -> None:
        """New predictions: other weights, and with another run other images."""
        predictions = self._runview.predictions
        count = min(MAX_IMAGES, len(self._runview.items)) if predictions is not None else 0
        labels = [f"image {place}" for place in range(count)]
        if labels != self._labels:
            self._labels = labels
            self._board.set_images(labels)
            if labels:
                self._board.choose_image(min(self._runview.chosen_image, len(labels) - 1))
        self._again()

    def _forget(self) -> None:
        self._circuit = None
        self._board.show_live(None)
