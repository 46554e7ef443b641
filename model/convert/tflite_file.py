"""Reads the weights of a TensorFlow Lite file, as float32 in torch's order of axes. The file's program is not run."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model.errors import CheckpointError


def read_convolutions(path: Path) -> list[tuple[Tensor, Tensor]]:
    """Return weight [out, in / groups, height, width] and bias of each convolution, in the order of the program.

    Raises:
        CheckpointError: the library `tflite` is missing, or the file is missing or is not a TensorFlow Lite file.
    """
    try:
        import tflite
    except ImportError:
        raise CheckpointError(
            f"{path} needs the library tflite: run pip install -e '.[training]' in a clone of TimeAudio."
        ) from None
    try:
        held = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    if held[4:8] != b"TFL3":
        raise CheckpointError(f"{path} is not a file of TensorFlow Lite: download it again.")
    model = tflite.Model.GetRootAsModel(held, 0)
    graph = model.Subgraphs(0)
    found: list[tuple[Tensor, Tensor]] = []
    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind == tflite.BuiltinOperator.CONV_2D:  # [out, height, width, in]
            axes = (0, 3, 1, 2)
        elif kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D:  # [1, height, width, out]
            axes = (3, 0, 1, 2)
        else:
            continue
        weight, bias = (_tensor(model, graph.Tensors(place)) for place in operator.InputsAsNumpy()[1:3])
        found.append((weight.permute(axes).contiguous(), bias))
    return found


def _tensor(model: Any, tensor: Any) -> Tensor:
    """Return a constant of the file; quantized integers become the numbers that they stand for."""
    import tflite

    types = {tflite.TensorType.FLOAT32: "<f4", tflite.TensorType.INT8: "<i1", tflite.TensorType.INT32: "<i4"}
    if tensor.Type() not in types:
        raise CheckpointError(f"The file has weights of type {tensor.Type()}, which this reader does not know.")
    stored = model.Buffers(tensor.Buffer()).DataAsNumpy().view(types[tensor.Type()]).reshape(tensor.ShapeAsNumpy())
    values = stored.astype(np.float64)
    scales = tensor.Quantization()
    if stored.dtype.kind == "i" and scales is not None and scales.ScaleLength():
        axes = [1] * values.ndim
        axes[scales.QuantizedDimension()] = scales.ScaleLength()
        values = (values - scales.ZeroPointAsNumpy().reshape(axes)) * scales.ScaleAsNumpy().reshape(axes)
    return torch.from_numpy(values.astype(np.float32))
