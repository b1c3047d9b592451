"""The Bench tab: devices measured in a child, row by row, while the window goes on."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from shells import FakeOnlooking, FakeSession, end, heard, quickstart, wait_until

from app import theme
from app.comparisons import Comparison
from app.document import Document
from app.panels.bench import OWN, BenchPanel, Results, decade_lines, row_name
from app.window import Window
from qdesigner.session.comparison import Compare, Compared, CompareFailed, Measured, Measuring, Row


def row(engine: str, seconds: float | None = 0.001, depth: int = 2, **more: object) -> Row:
    ratio = None if seconds is None else seconds / 0.001
    return Row("device", engine, 4, depth, 4, seconds, ratio, **more)


class FakeComparison(QObject):
    """A comparison without a child."""

    measured, measuring, ended = Signal(object), Signal(object), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.running = False
        self.wanted: list[Compare] = []

    def start(self, wanted: Compare) -> None:
        self.running = True
        self.wanted.append(wanted)

    def cancel(self) -> None:
        self.finish("Cancelled.")

    def finish(self, why: str = "") -> None:
        self.running = False
        self.ended.emit(why)


class Bench:
    """The panel with what it stands on."""

    def __init__(self) -> None:
        self.document = Document()
        self.document.apply("quickstart", quickstart())
        self.comparison = FakeComparison()
        self.training = False
        self.panel = BenchPanel(self.document, self.comparison, lambda: self.training)
        self.panel.resize(700, 240)
        self.panel.show()

    def press(self) -> None:
        QTest.mouseClick(self.panel.go, Qt.MouseButton.LeftButton)

    def cells(self) -> list[list[str]]:
        table = self.panel.table
        return [
            [table.item(line, column).text() for column in range(table.columnCount() - 1)]
            for line in range(table.rowCount())
        ]


@pytest.fixture
def bench(qapp: QApplication) -> Iterator[Bench]:
    made = Bench()
    yield made
    end(made.panel)


def test_nothing_runs_until_it_is_asked_for(bench: Bench) -> None:
    assert bench.comparison.wanted == [] and bench.panel.hint.isVisible()
    assert not bench.panel.copy.isEnabled() and not bench.panel.bar.isVisible()


def test_compare_measures_the_tutorials_model_on_every_device(bench: Bench) -> None:
    bench.press()
    assert [(w.what, w.circuit) for w in bench.comparison.wanted] == [(("device",), None)]
    assert bench.panel.go.text() == "Cancel" and bench.panel.bar.isVisible()


def test_the_projects_own_circuit_goes_with_its_batch_size(bench: Bench) -> None:
    bench.panel.which.setCurrentText(OWN)
    bench.press()
    wanted = bench.comparison.wanted[0]
    design = bench.document.design
    assert wanted.circuit == bench.document.circuit_stage().circuit
    assert wanted.batch == design.training.batch_size


def test_without_a_circuit_only_the_tutorials_model_can_be_chosen(bench: Bench) -> None:
    bench.panel.which.setCurrentText(OWN)
    bench.document.apply("Empty", bench.document.design.but(stages=()))
    assert bench.panel.which.currentIndex() == 0
    assert not bench.panel.which.model().item(1).isEnabled()


def test_rows_show_as_they_come_a_line_for_each_device(bench: Bench) -> None:
    bench.press()
    send = bench.comparison.measured.emit
    send(row("built-in"))
    assert bench.cells() == [["Built-in simulator", "1 ms", "× 1"]]
    send(row("qiskit.aer", 0.25, shots=100))
    send(row("built-in", 0.002, depth=6))
    send(row("qiskit.aer", 0.5, depth=6, shots=100))
    assert bench.cells() == [
        ["Built-in simulator", "1 ms", "2 ms", "× 2"],
        ["Qiskit Aer, 100 shots", "250 ms", "500 ms", "× 500"],
    ]
    bench.comparison.finish()
    assert bench.panel.said.text().startswith("4 times in")
    headings = [bench.panel.table.horizontalHeaderItem(i).text() for i in range(4)]
    assert headings == ["device", "2 layers", "6 layers", "× built-in"]


def test_a_device_that_is_missing_says_what_to_install(bench: Bench) -> None:
    bench.press()
    why = 'It is not installed: pip install "qdesigner[braket]"'
    bench.comparison.measured.emit(row("braket.local", None, skipped=why))
    assert bench.cells() == [["Braket local simulator", "–", ""]]
    assert bench.panel.table.item(0, 0).toolTip() == why


def test_progress_counts_and_tells_what_is_measured(bench: Bench) -> None:
    bench.press()
    for done in range(4):
        bench.comparison.measuring.emit(Measuring("lightning.qubit", done, 24))
    assert bench.panel.said.text().startswith("PennyLane lightning.qubit · 4 of 24 · 00:0")
    assert (bench.panel.bar.value(), bench.panel.bar.maximum()) == (3, 24)


def test_times_taken_while_a_run_trains_are_called_slower(bench: Bench) -> None:
    bench.training = True
    bench.press()
    bench.comparison.measuring.emit(Measuring("built-in", 0, 24))
    assert bench.panel.said.text().endswith("slower while training")


def test_cancel_keeps_what_has_come(bench: Bench) -> None:
    bench.press()
    bench.comparison.measured.emit(row("built-in"))
    bench.press()
    assert bench.panel.said.text().startswith("Cancelled. 1 time in")
    assert len(bench.cells()) == 1 and bench.panel.go.text() == "Compare"
    bench.press()
    assert bench.cells() == [] and len(bench.comparison.wanted) == 2


def test_a_fault_is_said(bench: Bench) -> None:
    bench.press()
    bench.comparison.finish("The comparison broke off.")
    assert bench.panel.failed.isVisible()
    assert bench.panel.failed.text() == "The comparison broke off."
    bench.press()
    assert not bench.panel.failed.isVisible()


def test_the_table_is_copied_and_saved_as_csv(bench: Bench, tmp_path: Path) -> None:
    bench.press()
    bench.comparison.measured.emit(row("built-in"))
    bench.comparison.finish()
    QTest.mouseClick(bench.panel.copy, Qt.MouseButton.LeftButton)
    assert "device,built-in,4,2,4,0.001,1.0" in QGuiApplication.clipboard().text()
    bench.panel.write(tmp_path / "devices.csv")
    assert (tmp_path / "devices.csv").read_text("utf-8") == QGuiApplication.clipboard().text()
    bench.panel.write(tmp_path / "nowhere" / "devices.csv")
    assert "could not be written" in bench.panel.failed.text()


def test_bars_lie_on_a_logarithmic_scale_of_whole_decades() -> None:
    results = Results()
    assert results.decades == (-4, -1)
    for name, seconds in (("built-in", 2e-4), ("qiskit.basic", 0.9), ("ibm", None)):
        results.add(row(name, seconds))
    assert results.decades == (-4, 0)
    assert results.share(1e-2) == pytest.approx(0.5)
    lines = decade_lines(QRect(0, 0, 424, 20), *results.decades)
    assert [line[0] for line in lines] == [-4, -3, -2, -1, 0]
    assert [line[1] for line in lines] == pytest.approx([12, 112, 212, 312, 412])


def test_the_longer_time_has_the_longer_bar(bench: Bench) -> None:
    bench.press()
    for name, seconds in (("built-in", 1e-4), ("qiskit.basic", 1e-1)):
        bench.comparison.measured.emit(row(name, seconds))
    accent = theme.current().accent
    picture = bench.panel.table.grab().toImage()

    def filled(line: int) -> int:
        table = bench.panel.table
        place = table.visualItemRect(table.item(line, table.plot))
        corner = table.viewport().pos()
        y = place.center().y() + corner.y()
        return sum(
            picture.pixelColor(x + corner.x(), y).name() == accent
            for x in range(place.left(), place.right())
        )

    assert 0 < 3 * filled(0) < filled(1)


def test_names_tell_shots_apart() -> None:
    assert row_name(row("qiskit.aer", shots=100)) == "Qiskit Aer, 100 shots"
    assert row_name(row("something new")) == "something new"


# ---- the child ----------------------------------------------------------------------------------


def main(connection: Connection) -> None:
    """This module as a child: what it does is the first word of what is wanted."""
    (word,) = connection.recv().what
    connection.send(Measuring("built-in", 0, 2))
    connection.send(Measured(row("built-in")))
    if word == "fault":
        connection.send(CompareFailed("It went wrong.", "details"))
    elif word == "wait":
        connection.recv()
    elif word == "all":
        connection.send(Compared())


@pytest.fixture
def comparison(qapp: QApplication) -> Iterator[Comparison]:
    made = Comparison(__name__)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("word", "why"), [("all", ""), ("fault", "It went wrong."), ("die", "The comparison broke off")]
)
def test_rows_come_from_a_child_and_its_end_is_said(
    comparison: Comparison, word: str, why: str
) -> None:
    with heard(comparison.measured) as rows, heard(comparison.ended) as ends:
        comparison.start(Compare((word,)))
        assert comparison.running
        wait_until(lambda: bool(ends), 30)
    assert rows == [row("built-in")]
    assert str(ends[0]).startswith(why) and (why or ends == [""])
    assert not comparison.running


def test_cancelling_ends_the_child(comparison: Comparison) -> None:
    with heard(comparison.measured) as rows, heard(comparison.ended) as ends:
        comparison.start(Compare(("wait",)))
        wait_until(lambda: bool(rows), 30)
        child = comparison._child
        comparison.cancel()
    assert ends == ["Cancelled."] and not comparison.running
    wait_until(lambda: not child.alive, 10)


def test_the_real_child_measures(qapp: QApplication) -> None:
    comparison = Comparison()
    with heard(comparison.measured) as rows, heard(comparison.ended) as ends:
        comparison.start(Compare(("edit",), seconds=0.0))
        wait_until(lambda: bool(ends), 90)
    assert ends == [""]
    assert [r.engine for r in rows] == ["built-in", "pennylane batched backprop"]
    assert all(r.seconds > 0 for r in rows)


# ---- in the window ------------------------------------------------------------------------------


def test_the_tab_comes_with_the_command_and_never_before(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path))
    window = Window(FakeSession(), FakeOnlooking())
    try:
        window.begin(template="quickstart")
        window.show()
        wait_until(lambda: window.tabs.count() > 0)
        names = [window.tabs.tabText(i) for i in range(window.tabs.count())]
        assert "Bench" not in names
        window.toggle_panel("results")
        window.actions_table.actions["compare_devices"].trigger()
        assert window.tabs.tabText(window.tabs.currentIndex()) == "Bench"
        assert window.bench.isVisible()
        window.actions_table.actions["compare_devices"].trigger()
        names = [window.tabs.tabText(i) for i in range(window.tabs.count())]
        assert names.count("Bench") == 1
    finally:
        end(window)
        qapp.setStyleSheet("")
