"""A Design as one readable Python script: PennyLane, torch and torchvision, nothing of ours.

The text depends on the design, its classes and the name of the folder beside it alone: neither a
run nor torch is needed, so the window shows it after every edit.
"""

from __future__ import annotations

from collections.abc import Sequence

from qdesigner.catalog.devices import refusal
from qdesigner.catalog.sources import DIGITS
from qdesigner.design.checks import problems
from qdesigner.design.facts import DataFacts
from qdesigner.design.shapes import Traced, trace
from qdesigner.design.spec import Design, DeviceSpec, WeightsSpec, preprocess
from qdesigner.errors import UserError
from qdesigner.export import braket, qiskit
from qdesigner.export.beside import WEIGHTS
from qdesigner.export.circuit_text import uses_combinations
from qdesigner.export.device import constants as device_constants
from qdesigner.export.device import dialect, in_words, library, packages, runs_on
from qdesigner.export.images import data_constants, loading, preprocessing, reading
from qdesigner.export.layers import build_model, modules
from qdesigner.export.source import bracketed, filled, in_docstring, string_items
from qdesigner.export.training import training, training_constants
from qdesigner.export.verification import large_backbone, verifying

_WEIGHTS = """

def read_weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        sys.exit(f"cannot read weights: {path} is missing")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds on a file that holds no weights
        sys.exit(f"cannot read weights from {path}: {error}")


def trained_model(weights: Path) -> nn.Sequential:
    model = build_model()
    try:
        model.load_state_dict(read_weights(weights))
    except RuntimeError as error:
        sys.exit(f"{weights} holds other weights: {error}")
    return model.eval()
"""

_USE = '''

@torch.no_grad()
def predict(model: nn.Module, paths: list[Path]) -> int:
    """Say what each image shows; 1 if one of them could not be read."""
    failed = 0
    for path in paths:
        try:
            image = load_image(path)
        except Exception as error:  # Pillow raises many kinds on a broken file
            print(f"{path}: {error}", file=sys.stderr)
            failed = 1
            continue
        probabilities = model(preprocess(image)[None]).softmax(dim=1)[0]
        best = int(probabilities.argmax())
        print(f"{path}: {CLASSES[best]} ({probabilities[best]:.1%})")
    return failed
'''

_MAIN = """

def main() -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console that lacks a sign shows "?" for it
    parser = argparse.ArgumentParser(description="Say what images show.")
    parser.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="a picture to name")
    <<train>>
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="how long (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="weights to write (%(default)s)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights to use")
    parser.add_argument("--verify", action="store_true", help="check against the recorded logits")
    args = parser.parse_args()
    if args.train is not None:
        if args.out.resolve().is_relative_to(FILES):
            parser.error("--out must not overwrite what --verify checks")
        if args.epochs < 1 or not args.out.parent.is_dir():
            parser.error("--epochs must be 1 or more, and --out lie in a folder that exists")
        train(<<data>>, args.epochs, args.out)
        return 0
    if args.verify:
        return verify(trained_model(args.weights))
    if not args.images:
        parser.error("name an image, or use --train or --verify")
    return predict(trained_model(args.weights), args.images)


if __name__ == "__main__":
    sys.exit(main())
"""


def script(design: Design, classes: Sequence[str], files: str, *, trained: bool = True) -> str:
    """The source of the script for ``design``, whose weights and golden images lie in the folder
    ``files`` beside it. ``trained`` False says in it that the weights are the first ones.

    Raises UserError, with the first problem's sentence, when the model cannot be built.
    """
    traced = _checked(design, len(classes))
    lines = _docstring(design, classes, files, trained)
    lines += _imports(design)
    lines += _constants(design, classes, files)
    lines += loading(preprocess(design))
    lines += modules(design)
    lines += build_model(design, traced, len(classes))
    lines += filled(_WEIGHTS, {})
    lines += reading(design)
    lines += training(design)
    lines += filled(_USE, {})
    lines += verifying(design)
    lines += _main(design)
    return "\n".join(lines) + "\n"


def _checked(design: Design, classes: int) -> tuple[Traced, ...]:
    """The stages with their shapes, when they make a model."""
    # What is missing on this machine hides no code.
    stages = tuple(stage.but(weights=WeightsSpec()) for stage in design.stages)
    plain = design.model_copy(update={"stages": stages, "device": DeviceSpec()})
    facts = DataFacts(tuple(map(str, range(classes))), 1, 1, 0)
    for problem in problems(plain, facts):
        if problem.severity == "error":
            raise UserError(problem.text)
    for stage in design.stages:
        refused = refusal(runs_on(design), stage.circuit) if stage.circuit else ""
        if refused:
            raise UserError(refused)
    return trace(design, classes)


def _docstring(design: Design, classes: Sequence[str], files: str, trained: bool) -> list[str]:
    name = in_docstring(files.removesuffix("_files") + ".py", 22)
    digits = design.data.source == DIGITS
    data = "[FOLDER]" if digits else "FOLDER"
    uses = [
        (f"python {name} IMAGE...", "say what each image shows"),
        (f"python {name} --train {data}", "train again from the first weights"),
        (f"python {name} --verify", "check this script against the recorded outputs"),
    ]
    room = max(len(use) for use, _ in uses) + 2
    kind = "hybrid quantum-classical" if any(s.circuit for s in design.stages) else "classical"
    where = in_words(design)
    return [
        f'"""{in_docstring(design.name)}',
        "",
        f"A {kind} classifier of images into {len(classes)} classes.",
        *where,
        *([] if trained else ["It is untrained: its weights are the first ones, drawn by SEED."]),
        "",
        *(f"    {use:<{room}}{what}" for use, what in uses),
        "",
        "FOLDER holds train/ and val/ with one folder a class in each, or one folder a class.",
        *(["Without FOLDER it trains on scikit-learn's handwritten digits."] if digits else []),
        f"The weights and the recorded outputs lie in {in_docstring(files, 40)}/.",
        "",
        f"Needs {', '.join(_needs(design))}.",
        '"""',
    ]


def _needs(design: Design) -> list[str]:
    quantum = any(stage.circuit for stage in design.stages)
    digits = design.data.source == DIGITS
    return [
        "torch",
        "torchvision",
        "numpy",
        "pillow",
        *(packages(runs_on(design)) if quantum else ()),
        *(["scikit-learn"] if digits else []),
    ]


def _imports(design: Design) -> list[str]:
    digits = design.data.source == DIGITS
    circuits = [stage.circuit for stage in design.stages if stage.circuit is not None]
    device = runs_on(design)
    paired = any(uses_combinations(circuit, dialect(device, circuit)) for circuit in circuits)
    tools = ["combinations"] if paired else []
    tools += ["islice"] if design.data.limit else []
    models = "models, " if large_backbone(design) else ""
    return [
        "",
        "from __future__ import annotations",
        "",
        *(f"import {name}" for name in ("argparse", "json", "math", "os", "random", "sys")),
        "from collections import OrderedDict",
        *([f"from itertools import {', '.join(tools)}"] if tools else []),
        "from pathlib import Path",
        "",
        "import numpy as np",
        *(["import pennylane as qml"] if circuits and library(device) == "pennylane" else []),
        "import torch",
        *(braket.imports() if circuits and library(device) == "braket" else []),
        "from PIL import Image, ImageOps",
        *(qiskit.imports(device) if circuits and library(device) == "qiskit" else []),
        *(["from sklearn.datasets import load_digits"] if digits else []),
        "from torch import nn",
        f"from torchvision import {models}transforms",
    ]


def _constants(design: Design, classes: Sequence[str], files: str) -> list[str]:
    picture = "Path | Image.Image" if design.data.source == DIGITS else "Path"
    return [
        "",
        *bracketed("CLASSES = [", string_items(classes, 90), "]"),
        *bracketed("FILES = Path(__file__).resolve().with_name(", string_items([files], 90), ")"),
        f'WEIGHTS = FILES / "{WEIGHTS}"',
        'OUT = Path(__file__).resolve().with_name(Path(__file__).stem + "_trained.pt")',
        *training_constants(design.training),
        *data_constants(design),
        *device_constants(design),
        "",
        f"Item = tuple[{picture}, int]  # an image, and its class as an index into CLASSES",
        *preprocessing(preprocess(design)),
    ]


def _main(design: Design) -> list[str]:
    digits = design.data.source == DIGITS
    option = ['"--train"', 'metavar="FOLDER"']
    if digits:
        option += ['nargs="?"', 'const=""', 'help="train again, on digits if no FOLDER is named"']
    else:
        option += ["type=Path", 'help="train again on the images of a folder"']
    return filled(
        _MAIN,
        {
            "train": bracketed("parser.add_argument(", option, ")", 96),
            "data": "Path(args.train) if args.train else None" if digits else "args.train",
        },
    )
