"""Every verb of the program that needs no screen. Each imports what it needs when it is called."""

# In the order in which --help lists the verbs.
from qdesigner.cli import projects, data, training, runs, asking, rehearsing  # isort: skip
from qdesigner.cli import studies, stores, measuring  # isort: skip
from qdesigner.cli.common import AsJson, cli, fail, open_design, sentences
from qdesigner.cli.training import run_training

__all__ = [
    "AsJson", "asking", "cli", "data", "fail", "measuring", "open_design", "projects",
    "rehearsing", "run_training", "runs", "sentences", "stores", "studies", "training",
]  # fmt: skip
