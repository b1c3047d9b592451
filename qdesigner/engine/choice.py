"""Which engine computes a layer: a table that is shipped, never timed where it runs.

A resumed training has to repeat to the bit, so the choice depends on nothing but what is written
here. Measured in interleaved pairs, forward and backward, on two cores with AVX-512.
"""

from __future__ import annotations

KERNELS = "kernels"
TENSORS = "tensors"

# By the kind of device that a tensor lies on. On the CPU the kernels win from 2 to 20 wires, from 1
# to 256 samples, in float32 and float64: ten times and more where circuits are small, twice at 16
# wires where gates are real; from 18 wires on, where they are complex, both are about even. What is
# left to the tensors there is a long run of RZZ on 14 wires and more, all of it one phase (twice as
# fast): too little to tell circuits apart by their gates. On CUDA the kernels would have to fetch
# every batch and bring its readout back.
ENGINES = {"cpu": KERNELS, "cuda": TENSORS}


def engine(device: str, transformed: bool) -> str:
    """The engine for tensors on a ``device`` of this type, such as "cuda".

    The kernels are no torch operations: under a transform of torch.func (``transformed``) it is
    always the tensors. A device that is not in the table has its tensors fetched by the kernels.
    """
    return TENSORS if transformed else ENGINES.get(device, KERNELS)
