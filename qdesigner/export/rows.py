"""Source text for samples that are rows of numbers: tables and generated points."""

from __future__ import annotations

from typing import Any

from qdesigner.catalog.sources import MOONS, POINT_NAMES, TABLE
from qdesigner.catalog.table import MISSING, PARQUET
from qdesigner.design.spec import Design
from qdesigner.export import losses
from qdesigner.export.source import bracketed, filled, string_items

_CSV = '''

def table_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """The column names of a CSV and the cells of every line below them that is not empty; a comma,
    semicolon or tab stands between them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = file.readline()
        file.seek(0)
        lines = csv.reader(file, delimiter=max(",;\\t", key=first.count), skipinitialspace=True)
        rows = [[cell.strip() for cell in line] for line in lines]
    names, *rows = [row for row in rows if any(row)]
    return names, rows
'''

_PARQUET = '''

def table_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """The column names of a Parquet file and the cells of every row, as text."""
    table = parquet.read_table(path)
    columns = [column.to_pylist() for column in table.columns]
    rows = [[text(value) for value in row] for row in zip(*columns, strict=True)]
    return table.column_names, rows


def text(value: object) -> str:
    """A cell as a CSV would write it."""
    if value is None:
        return ""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return str(value)
'''

_NUMBERS = '''

def number(cell: str) -> float:
    """A cell as a number, which single precision must hold; NaN where it is none."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan
    return value if abs(value) < 3e38 else math.nan


def numbers(path: Path<<labelled>>) -> list[tuple[list[float] | None, str]]:
    """The features of every row, None where one is missing, and its label<<what>>."""
    try:
        names, rows = table_rows(path)
        wanted = [names.index(name) for name in COLUMNS]
        <<label>>
    except (<<errors>>) as error:
        sys.exit(f"cannot read {path}: {error}")
    found: list[tuple[list[float] | None, str]] = []
    for row in rows:
        cells = [*row, *[""] * (len(names) - len(row))]
        values = [number(cells[place]) for place in wanted]
        <<found>>
    return found
'''

_TABLE = '''

def read_table(path: Path) -> tuple[list[Item], list[Item]]:
    """Training and validation rows of a table."""
    rows = numbers(path, labelled=True)
    whole = [<<whole>>]
    if len(whole) < len(rows):
        skipped = len(rows) - len(whole)
        print(f"skipped {skipped} rows<<without>>", file=sys.stderr)
    <<choose>>
'''

_OF_CLASSES = [
    "named = {c: [k for k, (_, label) in enumerate(whole) if label == c] for c in CLASSES}",
    "train, validation = choose(named)",
    "return (",
    "    [(whole[row][0], label) for row, label in train],",
    "    [(whole[row][0], label) for row, label in validation],",
    ")",
]
_OF_NUMBERS = [
    'train, validation = choose({"": list(range(len(whole)))})',
    "return (",
    "    [(whole[row][0], float(whole[row][1])) for row, _ in train],",
    "    [(whole[row][0], float(whole[row][1])) for row, _ in validation],",
    ")",
]

_MOONS = '''

def read_points() -> tuple[list[Item], list[Item]]:
    """Training and validation points of two moons."""
    points, labels = make_moons(SAMPLES, noise=NOISE, random_state=SPLIT_SEED)
    <<rest>>
'''

_SPIRALS = '''

def read_points() -> tuple[list[Item], list[Item]]:
    """Training and validation points of two spirals that wind around each other."""
    draw = np.random.RandomState(SPLIT_SEED)
    labels = (np.arange(SAMPLES) >= SAMPLES // 2).astype(np.int64)
    turn = 3 * np.pi * np.sqrt(draw.uniform(size=SAMPLES))  # even along the arm
    angle = turn + np.pi * labels
    arms = np.column_stack((np.cos(angle), np.sin(angle))) * (2 * turn / (3 * np.pi))[:, None]
    points = arms + NOISE * draw.normal(size=arms.shape)
    <<rest>>
'''

_POINTS = [
    "rows = {name: np.flatnonzero(labels == int(name)).tolist() for name in CLASSES}",
    "train, validation = choose(rows)",
    "return (",
    "    [(points[row].tolist(), label) for row, label in train],",
    "    [(points[row].tolist(), label) for row, label in validation],",
    ")",
]

_STANDARDISE = '''

class Standardise(nn.Module):
    """Brings each feature to mean 0 and deviation 1 of the rows that it was fitted to."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(features, dtype=torch.float64))

    def fit(self, rows: torch.Tensor) -> None:
        wide = rows.double().numpy()
        deviation = wide.std(axis=0)
        deviation[deviation == 0] = 1.0
        self.mean.copy_(torch.from_numpy(wide.mean(axis=0)))
        self.deviation.copy_(torch.from_numpy(deviation))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return ((rows.double() - self.mean) / self.deviation).float().to(rows.dtype)
'''

_PREPARED = '''

def prepared(items: list[Item]) -> torch.Tensor:
    """Rows as the model takes them: [rows, <<features>>]."""
    return torch.tensor([values for values, _ in items])
'''

_PREDICT = '''

@torch.no_grad()
def predict(model: nn.Module, paths: list[Path]) -> int:
    """Say what each row of the tables is; 1 if one of them could not be read."""
    failed = 0
    for path in paths:
        for place, (values, _) in enumerate(numbers(path), start=1):
            if values is None:
                print(f"{path}, row {place}: a number is missing", file=sys.stderr)
                failed = 1
                continue
            <<said>>
    return failed
'''

_NAMED = [
    "best = int(probabilities.argmax())",
    'print(f"{path}, row {place}: {CLASSES[best]} ({probabilities[best]:.1%})")',
]
_PREDICTED = ['print(f"{path}, row {place}: {model(torch.tensor([values])).item():.6g}")']


def standardises(design: Design) -> bool:
    """Whether the model of a script begins by scaling its rows."""
    return design.data.source == TABLE and design.data.standardise


def standardise() -> list[str]:
    """Lines of the module that scales rows."""
    return filled(_STANDARDISE, {})


def preparing(features: int) -> list[str]:
    """Lines of ``prepared``, which makes a tensor of rows."""
    return filled(_PREPARED, {"features": str(features)})


def predicting(design: Design) -> list[str]:
    """Lines of ``predict``, which answers to the rows of tables."""
    classify = design.data.task == "classify"
    named = [*losses.probabilities(design, "model(torch.tensor([values]))"), *_NAMED]
    return filled(_PREDICT, {"said": named if classify else _PREDICTED})


def table(design: Design) -> dict[str, Any]:
    """How a table is read, as the fields of a `Reading`."""
    data = design.data
    packed = data.path.lower().endswith(PARQUET)
    classify = data.task == "classify"
    what = "Parquet file" if packed else "CSV"
    missing = [f'"{word}"' for word in sorted(MISSING)]
    label = string_items([data.label], 90)[0]
    code = filled(
        _TABLE,
        {
            "whole": "(values, label) for values, label in rows if values is not None and label",
            "without": " that lack a number or their label",
            "choose": _OF_CLASSES if classify else _OF_NUMBERS,
        },
    )
    return {
        "argument": "TABLE",
        "about": (f"TABLE is a {what} with the columns of COLUMNS and LABEL.",),
        "call": "read_table(data)",
        "code": [*_reading(packed, True, classify), *code],
        "thing": "list[float]",
        "modules": () if packed else ("csv",),
        "imports": ("from pyarrow import parquet",) if packed else (),
        "packages": ("pyarrow",) if packed else (),
        "constants": [
            *bracketed("COLUMNS = [", string_items(data.columns, 90), "]"),
            f"LABEL = {label}",
            *bracketed("MISSING = {", missing, "}"),
        ],
        "parts": False,
    }


def _reading(packed: bool, labelled: bool, classify: bool = True) -> list[str]:
    parts: dict[str, str | list[str]] = {
        "errors": "OSError, ValueError" if packed else "OSError, ValueError, csv.Error",
        "labelled": "",
        "what": ", none here",
        "label": [],
        "found": [
            "whole = all(map(math.isfinite, values))",
            'found.append((values if whole else None, ""))',
        ],
    }
    if labelled:
        usable = "label.lower() not in MISSING" if classify else "math.isfinite(number(label))"
        parts |= {
            "labelled": ", labelled: bool = False",
            "what": " if asked",
            "label": ["place = names.index(LABEL) if labelled else -1"],
            "found": [
                'label = cells[place] if labelled else ""',
                "whole = all(map(math.isfinite, values))",
                f'found.append((values if whole else None, label if {usable} else ""))',
            ],
        }
    return filled(_PARQUET if packed else _CSV, {}) + filled(_NUMBERS, parts)


def points(design: Design) -> dict[str, Any]:
    """How generated points are made, as the fields of a `Reading`."""
    data = design.data
    moons = data.source == MOONS
    names = [f'"{name}"' for name in POINT_NAMES]
    return {
        "argument": "",
        "about": (),
        "call": "read_points()",
        "code": [
            *_reading(False, False),
            *filled(_MOONS if moons else _SPIRALS, {"rest": _POINTS}),
        ],
        "thing": "list[float]",
        "modules": ("csv",),
        "imports": ("from sklearn.datasets import make_moons",) if moons else (),
        "packages": ("scikit-learn",) if moons else (),
        "constants": [
            f"COLUMNS = [{', '.join(names)}]",
            f"SAMPLES = {data.samples}",
            f"NOISE = {data.noise!r}  # deviation of what displaces each point",
        ],
        "parts": False,
    }
