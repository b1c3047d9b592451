"""The embedded backbone: a small CNN, and the command that pre-trains it on digits 0 to 4.

``python -m qdesigner.model.embedded --out resources/embedded_backbone.pt`` makes the shipped
weights again. An exported script carries the class below as source text, so it uses torch alone.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from qdesigner.catalog.backbones import BACKBONES, EMBEDDED
from qdesigner.data.dataset import Dataset, Item, open_dataset
from qdesigner.data.images import transform
from qdesigner.design.spec import DataSpec

EPOCHS = 30


class EmbeddedBackbone(nn.Module):
    """A small CNN: grey images [B, 1, 8, 8] in, features [B, 64] out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(32, 16, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        x = torch.max_pool2d(x, 2)
        x = torch.relu(self.conv3(x))
        x = nn.functional.avg_pool2d(x, 2)
        return torch.flatten(x, 1)


def pretrain(seed: int = 0, epochs: int = EPOCHS) -> tuple[EmbeddedBackbone, float]:
    """Train on digits 0 to 4; gives the backbone and its accuracy on digits held out (20 %).

    Dropout before the temporary five-class layer spreads the work over all 64 features, which
    serves digits the network has never seen.
    """
    data = open_dataset(DataSpec(classes=("0", "1", "2", "3", "4"), validation=0.2, seed=seed))
    images, labels = _tensors(data, data.train)
    torch.manual_seed(seed)
    backbone, top = EmbeddedBackbone(), nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 5))
    weights = [*backbone.parameters(), *top.parameters()]
    optimizer = torch.optim.AdamW(weights, weight_decay=1e-4)
    steps = epochs * (-(-len(images) // 32))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(images)), 32):
            loss = functional.cross_entropy(top(backbone(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    top.eval()
    images, labels = _tensors(data, data.validation)
    with torch.inference_mode():
        right = top(backbone(images)).argmax(1) == labels
    return backbone.eval(), float(right.float().mean())


def _tensors(data: Dataset, items: tuple[Item, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    prepare = transform(BACKBONES[EMBEDDED].preprocess)
    images = torch.stack([prepare(data.image(item, channels=1)) for item in items])
    return images, torch.tensor([item.label for item in items])


def main(arguments: list[str] | None = None) -> None:
    """Pre-train, print the held-out accuracy, and write the weights where ``--out`` says."""
    parser = argparse.ArgumentParser(prog="python -m qdesigner.model.embedded", description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write, e.g. embedded_backbone.pt")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that every machine adds up in the same order
    backbone, accuracy = pretrain(chosen.seed, EPOCHS)
    count = sum(weights.numel() for weights in backbone.parameters())
    print(f"{count} weights, accuracy {accuracy:.4f} on held-out digits 0 to 4")
    if chosen.out:
        content = io.BytesIO()  # saved to a file, its name would be part of the bytes
        torch.save(backbone.state_dict(), content)
        partial = chosen.out.with_name(chosen.out.name + ".partial")
        partial.write_bytes(content.getvalue())
        partial.replace(chosen.out)
        print(f"wrote {chosen.out}")


if __name__ == "__main__":
    main()
