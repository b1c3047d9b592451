"""The child that looks through data: counts, pictures, what is skipped, and what is there twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qdesigner.design import edits
from qdesigner.design.spec import Augmentation, DataSpec, Design
from qdesigner.session.client import Child
from qdesigner.session.events import Progress
from qdesigner.session.survey import Survey, Surveyed, SurveyFailed, Varied, Vary

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    child = Child("qdesigner.survey")
    child.start()
    yield child
    child.stop()


@pytest.fixture(scope="module")
def ask(child: Child) -> Ask:
    """Sends commands and waits for the answer to the last one; all that was said till then."""

    def asked(*commands: Survey | Vary) -> list[Any]:
        for command in commands:
            child.send(command)
        said: list[Any] = []
        end = time.monotonic() + 60
        while time.monotonic() < end:
            said += child.poll()
            if said and getattr(said[-1], "serial", None) == commands[-1].serial:
                return said
            time.sleep(0.01)
        raise AssertionError(f"no answer: {said}")

    return asked


def photo(path: Path, seed: int, size: tuple[int, int] = (90, 70)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Cats and dogs in train/ and val/, one of the training cats in val/ too."""
    root = tmp_path / "pets"
    for number in range(4):
        photo(root / "train" / "cat" / f"{number}.png", number)
        photo(root / "train" / "dog" / f"{number}.png", 10 + number)
        photo(root / "val" / "cat" / f"{number}.png", 20 + number)
        photo(root / "val" / "dog" / f"{number}.png", 30 + number)
    (root / "val" / "cat" / "again.png").write_bytes((root / "train/cat/2.png").read_bytes())
    (root / "train" / "dog" / "torn.png").write_bytes(b"torn")
    return root


def test_a_folder_is_shown_by_class_with_pictures_skipped_files_and_leakage(
    ask: Ask, folder: Path
) -> None:
    # One class alone is chosen, and one image of it: the survey shows what else there is.
    spec = DataSpec(source="folder", path=str(folder), limit=1)
    said = ask(Survey(1, spec))
    found = said[-1]
    assert isinstance(found, Surveyed) and found.spec == spec
    cat, dog = found.classes
    assert (cat.name, cat.train, cat.validation, cat.test) == ("cat", 4, 5, 0)
    assert (dog.name, dog.train, dog.validation, dog.test) == ("dog", 4, 4, 0)
    assert cat.pictures.shape == (9, 64, 64, 3) and len(cat.paths) == 9
    middle = Image.open(cat.paths[0]).crop((10, 0, 80, 70)).resize((64, 64), 2)
    assert np.abs(cat.pictures[0].astype(int) - np.asarray(middle)).max() < 30
    assert [(Path(s.path).name, s.reason) for s in found.skipped] == [
        ("torn.png", "its content is not an image of a type we read")
    ]
    (twins,) = found.twins
    assert twins.leaks
    assert [(split, Path(path).name) for split, path in twins.places] == [
        ("train", "2.png"),
        ("validation", "again.png"),
    ]
    assert found.bytes == sum(file.stat().st_size for file in folder.rglob("?.png")) + (
        (folder / "val/cat/again.png").stat().st_size
    )
    assert any(isinstance(event, Progress) for event in said)


def test_a_newer_survey_ends_the_one_before(ask: Ask, tmp_path: Path) -> None:
    for number in range(3000):
        path = tmp_path / "many" / f"c{number % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no picture %d" % number)
    slow = DataSpec(source="folder", path=str(tmp_path / "many"))
    said = ask(Survey(2, slow), Survey(3, DataSpec()))
    assert [event.serial for event in said if isinstance(event, Surveyed)] == [3]


def test_points_lie_in_the_plane_with_their_classes_and_splits(ask: Ask) -> None:
    found = ask(Survey(4, DataSpec(source="moons", samples=60, noise=0.0, test=0.2)))[-1]
    points = found.points
    assert points.names == ("x", "y") and points.xy.shape == (60, 2)
    assert np.bincount(points.splits).tolist() == [32, 16, 12]
    upper = points.xy[points.labels == 0]
    np.testing.assert_allclose(np.hypot(upper[:, 0], upper[:, 1]), 1, atol=1e-5)


def test_a_table_shows_its_columns_before_a_label_is_chosen_and_components_after(
    ask: Ask, tmp_path: Path
) -> None:
    path = tmp_path / "wines.csv"
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{2 * a:.3f},{b:.3f},{'red' if a > 0 else 'white'}"
            for a, b in rng.normal(size=(40, 2))]  # fmt: skip
    path.write_text("\n".join(["acid,sugar,ash,class", *rows, ",1,2,red", "1,2,3,"]))
    bare = DataSpec(source="table", path=str(path))
    found = ask(Survey(5, bare))[-1]
    assert found.columns == ("acid", "sugar", "ash")
    assert found.labels == ("acid", "sugar", "ash", "class")
    assert found.classes == () and found.points is None
    chosen = edits.use_data(Design(), str(path)).data
    found = ask(Survey(6, chosen))[-1]
    assert [each.name for each in found.classes] == ["red", "white"]
    assert [skip.reason for skip in found.skipped] == [
        "'acid' is missing",
        "its label is missing",
    ]
    assert found.points.names == ("component 1", "component 2")
    # The first component is acid and sugar, which go together.
    assert np.corrcoef(found.points.xy[:, 0], found.points.labels)[0, 1] ** 2 > 0.4


def test_what_cannot_be_looked_at_is_said_in_a_sentence(ask: Ask, tmp_path: Path) -> None:
    found = ask(Survey(7, DataSpec(source="folder", path=str(tmp_path / "none"))))[-1]
    assert isinstance(found, SurveyFailed) and "does not exist" in found.reason
    found = ask(Vary(8, DataSpec(source="moons"), Augmentation(flip=True)))[-1]
    assert isinstance(found, Varied) and found.error == "Only images can be augmented."


def test_variants_of_an_image_begin_with_itself_and_are_the_same_each_time(
    ask: Ask, folder: Path
) -> None:
    spec = DataSpec(source="folder", path=str(folder))
    how = Augmentation(flip=True, crop=0.5, rotation=30, colour=0.5)
    first = ask(Vary(9, spec, how, count=5))[-1].pictures
    named = ask(Vary(10, spec, how, path=str(folder / "train/cat/0.png"), count=5))[-1].pictures
    assert first.shape == named.shape == (5, 128, 128, 3)
    assert len({picture.tobytes() for picture in named}) == 5
    again = ask(Vary(11, spec, how, path=str(folder / "train/cat/0.png"), count=5))[-1].pictures
    assert np.array_equal(named, again)
