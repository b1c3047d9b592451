"""Source text that chooses the samples to train on: shuffle, split, limit and balance by class."""

from __future__ import annotations

from qdesigner.design.spec import DataSpec
from qdesigner.export.source import filled

_SPLIT = '''

def split(things: list, name: str, shares: tuple[float, float]) -> tuple[list, list]:
    """Shuffle one class by its name, hold back (validation, test) shares: training, validation."""
    random.Random(f"{SPLIT_SEED}/{name}").shuffle(things)
    left, held = len(things), []
    for share in shares:
        wanted = max(round(len(things) * share), 1 if share else 0)
        held.append(max(0, min(wanted, left - 1)))
        left -= held[-1]
    return things[:left], things[left : left + held[0]]
'''

_UNSPLIT = '''

def choose(named: dict[str, list]) -> tuple[list, list]:
    """Pairs of a thing and its class, for training and validation, out of the things by class."""
    train: dict[str, list] = {}
    validation: dict[str, list] = {}
    for name in <<names>>:
        train[name], validation[name] = split(named.get(name, []), name, SHARES)
    <<chosen>>
'''

_PARTS = '''

def choose(parts: dict[str, dict[str, list]]) -> tuple[list, list]:
    """Pairs of a thing and its class, for training and validation, out of the things by part of
    the data ("all" of it, or "train" and "validation") and class."""
    train: dict[str, list] = {}
    validation: dict[str, list] = {}
    held = parts.get("validation")
    for name in CLASSES:
        things = parts.get("all", parts.get("train", {})).get(name, [])
        shares = SHARES if "all" in parts else (SHARES[0] if held is None else 0.0, 0.0)
        train[name], validation[name] = split(things, name, shares)
        if held is not None:
            validation[name], _ = split(held.get(name, []), name, (0.0, 0.0))
    <<chosen>>
'''


def constants(data: DataSpec) -> list[str]:
    """Lines of the constants that choosing needs."""
    lines = [
        f"SHARES = ({data.validation!r}, {data.test!r})  # of unsplit data: validation, test",
        f"SPLIT_SEED = {data.seed}",
    ]
    return [*lines, f"LIMIT = {data.limit}  # samples a class and split"] if data.limit else lines


def choosing(data: DataSpec, parts: bool, files: bool) -> list[str]:
    """Lines of ``split`` and ``choose``; ``parts`` where the data may be split itself, ``files``
    where what is chosen are files, which may be broken."""
    names = "CLASSES" if data.task == "classify" else '[""]'
    filled_in: dict[str, str | list[str]] = {
        "names": names,
        "chosen": [
            *_kept(data, names, files),
            *_balanced(data),
            "return tuple(",
            "    [(thing, k) for k, name in enumerate(part) for thing in sorted(part[name])]",
            "    for part in (train, validation)",
            ")",
        ],
    }
    return filled(_SPLIT, {}) + filled(_PARTS if parts else _UNSPLIT, filled_in)


def _kept(data: DataSpec, names: str, files: bool) -> list[str]:
    """Lines that leave of each class what can be used, up to the limit."""
    which = "of the class {name!r}" if data.task == "classify" else "to use"
    kept = []
    if files and data.limit:
        kept = ["part[name] = list(islice(filter(usable, part[name]), LIMIT))"]
    elif files:
        kept = ["part[name] = list(filter(usable, part[name]))"]
    elif data.limit:
        kept = ["part[name] = part[name][:LIMIT]"]
    what = "images" if not data.rows else "rows"
    text = f'sys.exit(f"there are too few {what} {which}")'
    return [
        "for part in (train, validation):",
        f"    for name in {names}:",
        *(f"        {line}" for line in kept),
        "        if not part[name]:",
        f"            {text if data.task == 'classify' else text.replace('(f', '(')}",
    ]


def _balanced(data: DataSpec) -> list[str]:
    if not (data.balanced and data.task == "classify"):
        return []
    return [
        "smallest = min(map(len, train.values()))  # every class counts as much",
        "train = {name: things[:smallest] for name, things in train.items()}",
    ]
