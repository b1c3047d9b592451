"""The Rehearse page: rows and plot as they come, and as they are kept with the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_run import write_run
from PySide6.QtCore import QObject, Qt, Signal
from shells import end, heard, quickstart, spin, wait_until

from app import theme
from app.document import Document
from app.panels import rehearsalform
from app.panels.rehearsal import BESIDE, COLUMNS, RehearsalPanel
from app.panels.rehearsalplot import told
from app.rehearsing import rehearsing
from app.runview import RunView
from qdesigner.design import edits
from qdesigner.session import events, rehearsal_plan
from qdesigner.session.rehearsal import (
    FILE,
    SHOTS,
    Begun,
    Measured,
    Reached,
    Rehearsal,
    RehearsalDone,
    RehearsalFailed,
    Rehearse,
    read_rehearsal,
    write_rehearsal,
)
from qdesigner.training import loop

BEGUN = Begun("test", 50, 90, 5, 4, 0, 6, 3.0)
ROWS = (
    Measured("Built-in simulator", "", 0, 50, 1, 0.9, 0.8, 0.95, 0.9, 0.0, 50, 0.01),
    Measured("Built-in simulator", "", 10, 50, 5, 0.8, 0.78, 0.82, 0.9, 0.1, 250, 0.01, "shots"),
    Measured("Built-in simulator", "", 1000, 50, 5, 0.9, 0.89, 0.91, 0.9, 0.0, 250, 0.02, "shots"),
    Measured(
        "Manila", "fake_manila", 1000, 50, 5, 0.85, 0.84, 0.86, 0.9, 0.06, 250, 2.0, "shots", 18, 6
    ),
)


class FakeTask(QObject):
    said = Signal(object)
    ended = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.running = False
        self.asked: list[Rehearse] = []

    def start(self, wanted: Rehearse) -> None:
        self.running = True
        self.asked.append(wanted)

    def cancel(self) -> None:
        if self.running:
            self.finish("Cancelled.")

    def finish(self, why: str = "") -> None:
        self.running = False
        self.ended.emit(why)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


@pytest.fixture
def panel(qapp: object, run: Path) -> Iterator[RehearsalPanel]:
    made = RehearsalPanel(Document(quickstart()), RunView(), FakeTask())
    assert not made.go.isEnabled() and "Train the model first" in made.said.text()
    made._runview.open(str(run))
    made.resize(1200, 400)
    made.show()
    yield made
    end(made)


def lines(panel: RehearsalPanel) -> list[tuple[str, ...]]:
    return [tuple(line) for line in panel.rows.rows]


def test_it_is_asked_for_what_was_chosen_and_rows_come_one_by_one(
    panel: RehearsalPanel, run: Path
) -> None:
    panel.form.use(("fake_manila",))
    panel.form.shots.setText("1000, 10")
    panel.form.limit.setValue(50)
    assert "3 rows" not in panel.said.text() and "4 rows on 12 images" in panel.said.text()
    panel.go.click()
    (asked,) = panel._task.asked
    assert asked == Rehearse(str(run), (10, 1000), ("fake_manila",), "", 50)
    assert panel.go.text() == "Cancel" and not panel.form.widget().isEnabled()
    panel._task.said.emit(BEGUN)
    panel._task.said.emit(Reached("Manila, 1,000 shots", 4, 4, 0.5, 42.0))
    assert panel.bar.value() == 500 and "row 4 of 4 · about 40 s left" in panel.said.text()
    for number, row in enumerate(ROWS, start=1):
        panel._task.said.emit(row)
        assert len(lines(panel)) == number
    assert lines(panel)[3] == (
        "Manila", "1,000", "85.0 % (84.0–86.0)", "6.0 %", "18", "6", "250", "2 s"
    )  # fmt: skip
    panel._task.said.emit(RehearsalDone(str(run), (FILE,)))
    panel._task.finish()
    assert panel.go.text() == "Rehearse" and panel.form.widget().isEnabled()
    assert "From 1,000 shots on" in panel.sentences.text()
    assert "On Manila" in panel.sentences.text() and panel.sentences.isVisible()
    assert panel.go.focusPolicy() == Qt.FocusPolicy.TabFocus  # after a click, Space trains


def test_kept_rows_show_again_when_the_run_is_opened(panel: RehearsalPanel, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other")
    write_rehearsal(other, Rehearsal(BEGUN, ROWS, True))
    assert lines(panel) == []
    panel._runview.open(str(other))
    assert [line[0] for line in lines(panel)] == ["simulator"] * 3 + ["Manila"]
    assert panel.plot._found is not None and "falls by 5.0 points" in panel.sentences.text()
    panel._runview.open(str(tmp_path / "run"))
    assert lines(panel) == [] and panel.plot._found is None


def test_rows_of_another_run_do_not_come_in_here(panel: RehearsalPanel, tmp_path: Path) -> None:
    panel.go.click()
    panel._task.said.emit(BEGUN)
    panel._runview.open(str(write_run(tmp_path / "other")))
    panel._task.said.emit(ROWS[0])
    assert lines(panel) == []


def test_older_rows_are_told_from_a_run_that_went_on(panel: RehearsalPanel, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other")  # its best epoch is the sixth
    write_rehearsal(other, Rehearsal(Begun("test", 50, 90, 5, 9, 0, 2, 3.0), ROWS))
    panel._runview.open(str(other))
    assert "after epoch 2: epoch 6 is the best now" in panel.said.text()
    assert "4 of 9 rows" in panel.said.text() and panel.sentences.text() == ""


def test_a_broken_file_is_said_and_can_be_replaced(panel: RehearsalPanel, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other")
    (other / FILE).write_text("{")
    panel._runview.open(str(other))
    assert "cannot be used" in panel.said.text() and panel.go.isEnabled()


def test_after_a_cancel_before_the_first_row_the_kept_ones_stand_again(
    panel: RehearsalPanel, tmp_path: Path
) -> None:
    other = write_run(tmp_path / "other")
    write_rehearsal(other, Rehearsal(BEGUN, ROWS, True))
    panel._runview.open(str(other))
    panel.go.click()
    panel._task.said.emit(BEGUN)
    assert lines(panel) == []
    panel.go.click()
    assert len(lines(panel)) == 4 and panel.said.text() == "Cancelled."


@pytest.mark.parametrize(
    ("text", "says"), [("many", "no number of shots"), ("0", "0 is no number of shots")]
)
def test_bad_shots_are_refused_in_a_sentence(panel: RehearsalPanel, text: str, says: str) -> None:
    panel.form.shots.setText(text)
    assert not panel.go.isEnabled() and says in panel.said.text()


def test_a_run_without_a_circuit_is_refused(panel: RehearsalPanel) -> None:
    design = quickstart()
    for stage in design.stages:
        if stage.circuit is not None:
            design = edits.remove_stage(design, stage.id)
    panel._runview.design = design
    panel._follow_run()
    assert not panel.go.isEnabled() and "no quantum circuit" in panel.said.text()


def test_without_aer_shots_alone_are_rehearsed_and_it_is_said(
    panel: RehearsalPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (rehearsalform, rehearsal_plan):
        monkeypatch.setattr(module, "missing", lambda kind: "Aer is not installed: pip install x")
    panel._look()
    assert not panel.form.choose.isEnabled() and panel.form.choose.text() == "none"
    assert panel.go.isEnabled() and "pip install x" in panel.said.text()
    panel.go.click()
    assert panel._task.asked[0].snapshots == () and panel._task.asked[0].shots == SHOTS


def test_machines_that_are_too_small_are_not_offered(panel: RehearsalPanel) -> None:
    names = panel.form._ticks.names
    assert "Manila (5 qubits)" in names and "Armonk (1 qubits)" not in names
    before = panel.form.machines
    panel.form._ticks.ticked.emit(("Manila (5 qubits)",))
    assert set(panel.form.machines) == set(before) ^ {"fake_manila"}


def test_in_a_small_window_plot_and_rows_take_turns(panel: RehearsalPanel, run: Path) -> None:
    write_rehearsal(run, Rehearsal(BEGUN, ROWS, True))
    panel._read()
    assert panel.table.isVisible() and panel.plot.isVisible()
    panel.resize(BESIDE - 50, 200)
    assert panel.plot.isVisible() and not panel.table.isVisible()
    panel.views["rows"].click()
    assert panel.table.isVisible() and not panel.plot.isVisible()
    assert panel.table.isColumnHidden(COLUMNS.index("circuits"))
    assert panel.short.isVisible() and "On Manila" in panel.short.toolTip()


def test_the_plot_shows_all_rows_and_tells_them(panel: RehearsalPanel, run: Path) -> None:
    write_rehearsal(run, Rehearsal(BEGUN, ROWS, True))
    panel._read()
    (left, right), (low, high) = panel.plot.getViewBox().viewRange()
    assert left < 1 and right > 3 and low < 78 and high > 91
    assert low > 50  # the exact row's interval is about other samples, and left out
    theme.use(theme.DARK)
    assert "depth 18, 6 two-qubit gates" in told(ROWS[3], errors=False)
    assert "80.0 % (78.0–82.0 for other shots)" in told(ROWS[1], errors=False)


def test_the_real_child_rehearses_and_keeps_it(qapp: object, tmp_path: Path) -> None:
    out = tmp_path / "run"
    design = edits.set_training(edits.set_data(quickstart(), limit=8), epochs=1)
    loop.train(design, lambda event: None, out=str(out))
    task = rehearsing()
    with heard(task.said) as said, heard(task.ended) as ends:
        task.start(Rehearse(str(out), (10,), (), limit=8, repeats=2))
        wait_until(lambda: bool(ends), 90)
    assert ends == [""]
    kept = read_rehearsal(out)
    assert kept is not None and kept.whole
    assert [event for event in said if isinstance(event, Measured)] == list(kept.rows)
    assert any(isinstance(event, events.Progress | Reached) for event in said)


def test_a_score_on_a_line_of_the_grid_is_seen(panel: RehearsalPanel, run: Path) -> None:
    write_rehearsal(run, Rehearsal(BEGUN, ROWS[:3], True))  # exact is 90 %
    panel._read()
    spin(50)
    seen = panel.plot.grab().toImage()
    place = seen.width() - 16
    inks = [seen.pixelColor(place, y).lightness() for y in range(seen.height() // 2)]
    assert min(inks) < 80


def test_a_child_that_refuses_is_heard(panel: RehearsalPanel) -> None:
    panel.go.click()
    panel._task.said.emit(RehearsalFailed("The classes of the data are no longer those."))
    panel._task.finish("The classes of the data are no longer those.")
    panel._runview.state_changed.emit()
    assert panel.said.text() == "The classes of the data are no longer those."
    panel.form.repeats.setValue(2)
    assert "take about" in panel.said.text()
