"""Every source of data: tables, lists of files, public sets and generated points, and how what is
named becomes one of them."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qdesigner.catalog import sets, sources
from qdesigner.catalog.sets import CIFAR_FILES, CIFAR_FOLDER, IDX_FILES, SETS, ImageSet, Remote
from qdesigner.catalog.table import read_columns
from qdesigner.data.dataset import Dataset, known_key, open_dataset
from qdesigner.data.items import Scaling
from qdesigner.design import edits
from qdesigner.design.facts import contents, data_facts
from qdesigner.design.spec import Augmentation, DataSpec, Design, preprocess, sample_shape
from qdesigner.design.studies import template
from qdesigner.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QDESIGNER_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "cache"


def counted(data: Dataset) -> tuple[int, int, int]:
    return len(data.train), len(data.validation), len(data.test)


def agrees(spec: DataSpec) -> Dataset:
    """The data, whose counts are those that the window shows before anything is read."""
    data, facts = open_dataset(spec), data_facts(spec)
    assert data.classes == facts.classes
    assert counted(data) == (facts.train, facts.validation, facts.test)
    assert data.outputs == facts.outputs
    assert not {i.key for i in data.train} & {i.key for i in (*data.validation, *data.test)}
    return data


def dot(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (4, 4), value).save(path)
    return path


# ---- tables --------------------------------------------------------------------------------------


def table(path: Path, rows: int = 40) -> Path:
    """A table of two kinds of flowers, with a row number, a colour and one bad row of each kind."""
    rng = np.random.default_rng(3)
    lines = ["id;length;width;colour;species"]
    for number in range(rows):
        kind = number % 2
        length, width = rng.normal(3 + 2 * kind, 0.5), rng.normal(100, 20)
        lines.append(f"{number};{length:.3f};{width:.2f};red;{('rose', 'lily')[kind]}")
    lines += ["90;?;1;red;rose", "91;1;oops;red;rose", "92;1;1;red;", "93;1;inf;red;rose", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_table_is_taken_with_its_number_columns_and_the_label_that_suggests_itself(
    tmp_path: Path,
) -> None:
    design = edits.use_data(Design(), str(table(tmp_path / "flowers.csv")))
    data = design.data
    assert (data.source, data.label, data.task) == ("table", "species", "classify")
    assert data.columns == ("length", "width")  # neither the row's number nor the colour
    assert sample_shape(design) == (2,)
    assert design.training.loss == "cross_entropy"


def test_a_tables_rows_are_scaled_by_those_it_trains_on(tmp_path: Path) -> None:
    spec = edits.use_data(Design(), str(table(tmp_path / "flowers.csv"))).data.but(test=0.2)
    data = agrees(spec)
    assert counted(data) == (22, 10, 8)
    values = data.values(data.train)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=1e-5)
    assert abs(data.values(data.validation).mean()) > 1e-3
    assert data.scaling is not None and data.rows is not None
    first = data.validation[0]
    back = data.scaling.unscaled(data.values([first]))[0]
    np.testing.assert_allclose(back, data.rows[first.index], rtol=1e-5)
    line = table(tmp_path / "again.csv").read_text().splitlines()[int(first.key[4:])]
    np.testing.assert_allclose(back, [float(x) for x in line.split(";")[1:3]], rtol=1e-5)
    assert Scaling.from_json(data.scaling.to_json()).mean.tolist() == data.scaling.mean.tolist()
    plain = open_dataset(spec.but(standardise=False))
    assert plain.rows is not None
    assert np.array_equal(plain.values(plain.train), plain.rows[[i.index for i in plain.train]])


def test_rows_that_cannot_be_used_are_skipped_with_their_reason(tmp_path: Path) -> None:
    spec = edits.use_data(Design(), str(table(tmp_path / "flowers.csv"))).data
    for skipped in (open_dataset(spec).skipped, data_facts(spec).skipped):
        assert [(each.path, each.reason) for each in skipped] == [
            ("flowers.csv, row 41", "'length' is missing"),
            ("flowers.csv, row 42", "'width': 'oops' is not a number"),
            ("flowers.csv, row 43", "its label is missing"),
            ("flowers.csv, row 44", "'width': 'inf' is not a number"),
        ]


def houses(path: Path) -> Path:
    rows = [f"{20 + 3 * k},{k % 7},{100.5 + 9 * k}" for k in range(50)]
    path.write_text("\n".join(["area,floor,y", *rows]), encoding="utf-8")
    return path


def test_a_label_of_many_numbers_is_a_number_to_predict(tmp_path: Path) -> None:
    design = edits.use_data(Design(), str(houses(tmp_path / "houses.csv")))
    assert (design.data.task, design.data.label) == ("regress", "y")
    assert design.training.loss == "mse"
    data = agrees(design.data)
    assert data.classes == () and data.outputs == 1
    assert counted(data) == (38, 12, 0)
    assert data.train[0].label == 100.5 + 9 * data.train[0].index
    back = edits.use_table(design, design.data.path, label="floor")
    assert (back.data.task, back.training.loss) == ("classify", "cross_entropy")
    assert back.data.columns == ("area", "y")
    assert data_facts(back.data).classes == ("0", "1", "2", "3", "4", "5", "6")
    assert edits.use_data(back, "digits").training.loss == "cross_entropy"


def test_a_parquet_file_holds_what_the_csv_holds(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow, an extra")
    from pyarrow import parquet

    spec = edits.use_data(Design(), str(table(tmp_path / "flowers.csv"))).data
    wanted = open_dataset(spec)
    assert wanted.rows is not None
    lines = [line.split(";")[1:] for line in (tmp_path / "flowers.csv").read_text().splitlines()]
    columns = {
        "length": [float(line[0]) for line in lines[1:41]],
        "width": [float(line[1]) for line in lines[1:41]],
        "species": [line[3] for line in lines[1:41]],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "flowers.parquet")
    data = open_dataset(edits.use_data(Design(), str(tmp_path / "flowers.parquet")).data)
    assert data.rows is not None and np.array_equal(data.rows, wanted.rows)
    assert data.train == wanted.train
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="not a Parquet file"):
        read_columns(tmp_path / "torn.parquet")


def test_without_pyarrow_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"pip install 'qdesigner\[tables\]'"):
        edits.use_data(Design(), str(tmp_path / "t.parquet"))


# ---- lists of files ------------------------------------------------------------------------------


def test_a_csv_names_image_files_labels_and_splits(tmp_path: Path) -> None:
    rows = []
    for number in range(12):
        split = ("train", "train", "val", "test")[number % 4]
        name = f"some/{number}.png"
        dot(tmp_path / "list" / name, 20 * number)
        rows.append(f"{name},{('cat', 'dog')[number % 3 == 0]},{split}")
    outside = dot(tmp_path / "outside.png", 250)
    csv = tmp_path / "list" / "images.csv"
    bad = ["some/1.png,cat,train", "gone.png,cat,train", "notes.txt,cat,train", ",cat,train",
           "some/2.png,,train", "x.png,cat,holdout", f"{outside},dog,train"]  # fmt: skip
    csv.write_text("\n".join(["Filename,Label,Split", *rows, *bad]))
    spec = edits.use_data(Design(), str(csv)).data
    assert (spec.source, spec.path) == ("files", str(csv))
    data = open_dataset(spec)
    assert data.classes == ("cat", "dog")
    assert counted(data) == (7, 3, 3)
    assert {i.key for i in data.validation} == {f"some/{n}.png" for n in (2, 6, 10)}
    assert outside.as_posix() in {i.key for i in data.train}
    reasons = {each.path.rpartition(" ")[2] or "-": each.reason for each in data.skipped}
    assert reasons["some/1.png"] == "the file is named twice"
    assert reasons[str(tmp_path / "list" / "gone.png")] == "the file does not exist"
    assert ".txt" in reasons["notes.txt"] and reasons["-"] == "it names no file"
    assert reasons["some/2.png"] == "it has no label" and "no split" in reasons["x.png"]


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        (("train", "val"), (16, 4, 20)),  # val/ is the test, and a quarter of train/ validates
        (("train", "val", "test"), (14, 13, 13)),  # with a test of its own nothing changes
        (("train",), (30, 10, 0)),
    ],
)
def test_a_held_out_split_serves_as_the_test_where_that_is_asked_for(
    parts: tuple[str, ...], counts: tuple[int, int, int], tmp_path: Path
) -> None:
    for number in range(40):
        part = parts[number % len(parts)]
        dot(tmp_path / part / "ab"[number // 20] / f"{number}.png", 5 * number)
    spec = DataSpec(source="folder", path=str(tmp_path), held_out="test")
    data = agrees(spec)
    assert counted(data) == counts
    if parts == ("train", "val"):
        assert {item.path for item in data.test} == set(tmp_path.glob("val/*/*.png"))
        other = open_dataset(spec.but(seed=1))
        assert other.test == data.test and other.validation != data.validation


def test_a_csv_without_column_names_or_splits_is_split_by_seed(tmp_path: Path) -> None:
    for number in range(16):
        dot(tmp_path / f"{number}.png", 10 * number)
    csv = tmp_path / "images.csv"
    csv.write_text("\n".join(f"{n}.png\t{'ab'[n % 2]}" for n in range(16)))
    spec = edits.use_data(Design(), str(csv)).data.but(test=0.25)
    assert counted(agrees(spec)) == (8, 4, 4)


# ---- balance -------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["digits", "folder", "table"])
def test_balanced_training_takes_of_every_class_as_many_as_the_smallest_has(
    tmp_path: Path, source: str
) -> None:
    spec = DataSpec()
    if source == "folder":
        for number in range(30):
            dot(tmp_path / "d" / ("few" if number % 5 == 0 else "many") / f"{number}.png", number)
        spec = edits.use_data(Design(), str(tmp_path / "d")).data
    if source == "table":
        rows = [f"{k},{'few' if k % 5 == 0 else 'many'}" for k in range(30)]
        (tmp_path / "t.csv").write_text("\n".join(["x,class", *rows]))
        spec = edits.use_data(Design(), str(tmp_path / "t.csv")).data
    data = agrees(spec.but(balanced=True))
    counts = np.bincount([int(item.label) for item in data.train])
    whole = open_dataset(spec)
    assert set(counts) == {min(np.bincount([int(item.label) for item in whole.train]))}
    assert data.validation == whole.validation
    limited = agrees(spec.but(balanced=True, limit=3))
    assert set(np.bincount([int(item.label) for item in limited.train])) == {3}


# ---- generated points ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["spirals", "moons"])
@pytest.mark.parametrize("samples", [61, 200])
def test_points_are_the_same_for_a_seed_and_others_for_another(source: str, samples: int) -> None:
    spec = DataSpec(source=source, samples=samples)  # type: ignore[arg-type]
    data, again = agrees(spec), open_dataset(spec)
    other = open_dataset(spec.but(seed=1))
    assert data.rows is not None and again.rows is not None and other.rows is not None
    assert np.array_equal(data.rows, again.rows) and not np.array_equal(data.rows, other.rows)
    assert data.rows.shape == (samples, 2) and sum(counted(data)) == samples


def test_two_spirals_wind_around_each_other() -> None:
    data = open_dataset(DataSpec(source="spirals", noise=0.0, validation=0.5))
    assert data.rows is not None
    for item in (*data.train, *data.validation):
        x, y = data.rows[item.index]
        radius = np.hypot(x, y)
        angle = radius / 2 * 3 * np.pi + np.pi * item.label
        np.testing.assert_allclose([x, y], radius * np.array([np.cos(angle), np.sin(angle)]),
                                   atol=1e-4)  # fmt: skip


# ---- public sets ---------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    head = (0x800 + array.ndim).to_bytes(4, "big")
    return head + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def idx_files() -> dict[str, bytes]:
    """MNIST in small: 40 training and 20 test images, each filled with its number."""
    files = {}
    for part, count in ((IDX_FILES[:2], 40), (IDX_FILES[2:], 20)):
        numbers = np.arange(count, dtype=np.uint8)
        files[part[0]] = idx(np.broadcast_to(numbers[:, None, None], (count, 28, 28)).copy())
        files[part[1]] = idx(numbers % 10)
    return files


def cifar_files() -> dict[str, bytes]:
    """CIFAR-10 in small: 10 images a file, in red of their file's number and green of their own."""
    files = {}
    for place, name in enumerate(CIFAR_FILES):
        rows = np.zeros((10, 3073), np.uint8)
        rows[:, 0] = np.arange(10)
        rows[:, 1:1025] = place
        rows[:, 1025:2049] = 20 * np.arange(10)[:, None]
        files[name] = rows.tobytes()
    return files


def small(source: str, train: int, test: int, **changes: object) -> ImageSet:
    row = SETS[source]
    values = {field: getattr(row, field) for field in ImageSet.__dataclass_fields__}
    counts = {"train": dict.fromkeys(row.classes, train), "held": dict.fromkeys(row.classes, test)}
    return ImageSet(**{**values, **counts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_local_copy_of_mnist_is_read_where_torchvision_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str, packed: bool
) -> None:
    monkeypatch.setitem(sets.SETS, "mnist", small("mnist", 4, 2))
    folder = tmp_path / "copy" / below
    folder.mkdir(parents=True)
    for name, content in idx_files().items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    design = edits.use_data(Design(), str(tmp_path / "copy"))
    assert (design.data.source, design.data.path) == ("mnist", str(tmp_path / "copy"))
    assert preprocess(design).shape == (1, 28, 28)
    data = agrees(design.data)
    assert counted(data) == (30, 10, 20)
    for item in (*data.train, *data.validation, *data.test):
        part, _, number = item.key.removeprefix("mnist/").partition("/")
        assert part == ("test" if item in data.test else "train")
        assert known_key(design.data, item.key)
        assert item.label == int(number) % 10
        assert data.image(item, 1).getpixel((3, 3)) == int(number)
    assert data.image(data.train[0], 3).mode == "RGB"
    assert not known_key(design.data, "mnist/test/20") and not known_key(design.data, "digits/1")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda f: (f / IDX_FILES[0]).write_bytes(b"no"), "does not begin as an IDX file"),
        (lambda f: (f / IDX_FILES[1]).write_bytes((f / IDX_FILES[1]).read_bytes()[:-1]), "cut sho"),
        (lambda f: (f / IDX_FILES[3]).unlink(), "No such file"),
        (lambda f: (f / IDX_FILES[0]).unlink(), "holds no copy of MNIST"),
        (lambda f: (f / IDX_FILES[1]).write_bytes(idx(np.full(40, 99, np.uint8))), "not belong"),
    ],
)
def test_a_damaged_copy_is_refused_in_one_sentence(
    tmp_path: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    for name, content in idx_files().items():
        (tmp_path / name).write_bytes(content)
    damage(tmp_path)
    with pytest.raises(UserError, match=sentence) as refused:
        open_dataset(DataSpec(source="mnist", path=str(tmp_path)))
    assert str(refused.value).endswith(".")


def test_cifar_is_read_from_its_binary_version_and_never_from_the_pickle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sets.SETS, "cifar10", small("cifar10", 5, 1))
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(UserError, match="a pickle, which could run code"):
        data_facts(DataSpec(source="cifar10", path=str(tmp_path)))
    (tmp_path / CIFAR_FOLDER).mkdir()
    for name, content in cifar_files().items():
        (tmp_path / CIFAR_FOLDER / name).write_bytes(content)
    design = edits.use_data(Design(), str(tmp_path))
    data = agrees(design.data.but(validation=0.2))
    assert preprocess(design).shape == (3, 32, 32)
    assert counted(data) == (40, 10, 10)
    for item in (*data.train, *data.test):
        number = int(item.key.rpartition("/")[2])
        file = 5 if item in data.test else number // 10
        assert data.image(item, 3).getpixel((9, 30)) == (file, 20 * (number % 10), 0)
    assert data.classes[3] == "cat"


@pytest.mark.shared
def test_the_whole_of_mnist_is_read(shared_data: Path) -> None:
    spec = edits.use_data(Design(), str(shared_data / "data" / "mnist")).data
    data = agrees(spec.but(classes=("0", "1"), limit=1000))
    assert counted(data) == (2000, 2000, 1980)
    assert contents(spec).total("7") == 6265 + 1028


# ---- downloads -----------------------------------------------------------------------------------


class Server:
    """A local server of a few files. ``cut`` ends the first answer after so many bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut = 0
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name, wanted = self.path.lstrip("/"), self.headers.get("Range", "")
                outer.asked.append((name, wanted))
                if name not in outer.files:
                    self.send_error(404, "Not Found")
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
                body = outer.files[name][start:]
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                cut, outer.cut = outer.cut, 0
                self.wfile.write(body[:cut] if cut else body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def remote(self, name: str, content: bytes, kind: str = "md5") -> Remote:
        self.files[name] = content
        return Remote(f"{self.url}/{name}", hashlib.new(kind, content).hexdigest(), len(content))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def offer(server: Server, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small version of a set on the server, in the form in which the real one is fetched."""
    content = io.BytesIO()
    if source == "cifar10":
        with tarfile.open(fileobj=content, mode="w:gz") as tar:
            for name, data in {**cifar_files(), "../evil.txt": b"x"}.items():
                info = tarfile.TarInfo(f"{CIFAR_FOLDER}/{name}")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        files = [server.remote("cifar-10-binary.tar.gz", content.getvalue(), "sha256")]
    elif source == "hymenoptera":
        with zipfile.ZipFile(content, "w") as zipped:
            for number in range(20):
                picture = io.BytesIO()
                Image.new("RGB", (9, 9), (number, 0, 0)).save(picture, "PNG")
                place = f"{('train', 'val')[number % 2]}/{('ants', 'bees')[number // 10]}"
                zipped.writestr(f"hymenoptera_data/{place}/{number}.png", picture.getvalue())
            zipped.writestr("hymenoptera_data/../../evil.txt", b"x")
        files = [server.remote("hymenoptera_data.zip", content.getvalue(), "sha256")]
    else:
        files = [server.remote(f"{n}.gz", gzip.compress(c)) for n, c in idx_files().items()]
    train, test = {"cifar10": (5, 1), "hymenoptera": (5, 5)}.get(source, (4, 2))
    monkeypatch.setitem(sets.SETS, source, small(source, train, test, files=tuple(files)))


@pytest.mark.parametrize("source", sources.DOWNLOADED)
def test_a_set_is_fetched_once_with_progress_and_read(
    source: str, server: Server, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    offer(server, source, monkeypatch)
    spec = edits.use_data(Design(), source.replace("_", "-")).data
    told: list[tuple[str, int, int]] = []
    data = open_dataset(spec, fetching=lambda *now: told.append(now))
    facts = data_facts(spec)
    assert counted(data) == (facts.train, facts.validation, facts.test)
    assert {name for name, done, total in told if done == total} == set(server.files)
    assert [file.name for file in own_cache.rglob("evil.txt")] == []
    asked = len(server.asked)
    assert open_dataset(spec).train == data.train
    assert len(server.asked) == asked
    if data.pictures is None:
        assert all(item.path is not None and item.path.is_file() for item in data.train)


def test_a_broken_download_goes_on_where_it_ended(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, "hymenoptera", monkeypatch)
    server.cut = 500
    spec = DataSpec(source="hymenoptera")
    with pytest.raises(UserError, match=r"broke off after 500 of .* bytes; try again"):
        open_dataset(spec)
    assert counted(open_dataset(spec)) == (10, 10, 0)
    assert server.asked[-1] == ("hymenoptera_data.zip", "bytes=500-")


@pytest.mark.parametrize("source", ["mnist", "hymenoptera"])
def test_a_wrong_checksum_is_refused_and_nothing_of_it_is_used(
    source: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(server, source, monkeypatch)
    name = next(iter(server.files))
    whole = server.files[name]
    server.files[name] = whole[:-1] + bytes([whole[-1] ^ 1])
    with pytest.raises(UserError, match=r"its checksum is .* was promised"):
        open_dataset(DataSpec(source=source))  # type: ignore[arg-type]
    server.files[name] = whole
    assert open_dataset(DataSpec(source=source)).train  # type: ignore[arg-type]


def test_without_a_connection_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/mnist.gz"
    row = small("mnist", 4, 2, files=(Remote(url, "0" * 32, 1),))
    monkeypatch.setitem(sets.SETS, "mnist", row)
    with pytest.raises(
        UserError, match=r"could not be downloaded, no connection: .*or choose a local"
    ):
        open_dataset(DataSpec(source="mnist"))
    assert data_facts(DataSpec(source="mnist")).train == 30  # known without it


# ---- what is named -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: "nothing.csv", "no file or folder 'nothing.csv', and no source of that name"),
        (lambda root: str(dot(root / "a.png", 1)), "is a single image"),
        (lambda root: str(write(root / "a.docx", "x")), "neither a folder of images nor a CSV"),
        (lambda root: str(write(root / "a.csv", "")), "is empty"),
        (lambda root: str(write(root / "a.csv", "a,b\n")), "holds no rows"),
        (lambda root: str(write(root / "a.csv", "1,2\n3,4\n")), "write the columns' names there"),
        (lambda root: str(write(root / "a.csv", "a,a\n3,4\n")), "two columns named 'a'"),
        (lambda root: str(write(root / "a.csv", "\0\0\0\n")), "not a text file"),
        (lambda root: "\ud800", "is not text"),
    ],
)
def test_what_is_no_data_is_refused_in_one_sentence(
    tmp_path: Path, make: Callable[[Path], str], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence) as refused:
        edits.use_data(Design(), make(tmp_path))
    assert str(refused.value).endswith((".", ")"))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_other_data_begins_without_what_belonged_to_the_data_before(tmp_path: Path) -> None:
    augmentation = Augmentation(flip=True)
    data = DataSpec(classes=("1", "7"), limit=9, augmentation=augmentation)
    design = Design(data=data)
    mnist = edits.use_data(design, "mnist")
    assert mnist.data.classes == () and mnist.data.augmentation == augmentation
    assert mnist.data.limit == 9
    moons = edits.use_data(design, "moons")
    assert not moons.data.augmentation.any
    assert edits.use_data(design, "digits") is design


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": "", "columns": ("length",)}, "Choose the column .* that holds its label"),
        ({"label": "species", "columns": ()}, "No column of the table .* is chosen as a feature"),
        ({"label": "kind"}, "has no column 'kind'; it has id, length"),
        ({"columns": ("length", "depth")}, "has no column 'depth'"),
        ({"columns": ("colour",)}, "No row of the table .* can be used: 'colour': 'red' is not a"),
        ({"task": "regress"}, "its label 'rose' is not a number"),
        ({"path": ""}, "No table is chosen yet"),
    ],
)
def test_a_table_that_does_not_fit_its_choices_is_named_with_the_reason(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    spec = edits.use_data(Design(), str(table(tmp_path / "flowers.csv"))).data.but(**changes)
    for read in (data_facts, open_dataset):
        with pytest.raises(UserError, match=sentence):
            read(spec)


def test_the_documents_backbone_takes_its_place_on_images_that_the_embedded_one_does_not_know() -> (
    None
):
    design = template("quantum-transfer-learning")
    own = edits.use_data(design, "hymenoptera")
    assert own.backbone.settings["model"] == "resnet18"
    assert edits.use_data(design, "digits").backbone == design.backbone
    other = edits.set_backbone(design, "mobilenet_v2")
    assert edits.use_data(other, "hymenoptera").backbone == other.backbone
