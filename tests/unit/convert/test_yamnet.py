"""YAMNet from a TensorFlow Lite file: quantized weights, the order of axes, and files that are something else."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import tflite
import torch

from model.convert.nets import open_yamnet
from model.encoders.yamnet import YamnetConfig, YamnetEncoder
from model.errors import CheckpointError

CHANNELS = YamnetConfig().channels


class FileBuilder:
    """Writes a TensorFlow Lite file of convolutions with int8 weights and int32 biases."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1 << 22)
        self.buffers, self.tensors, self.operators = [self._buffer(None)], [], []

    def _buffer(self, data: np.ndarray | None) -> int:
        vector = None if data is None else self.builder.CreateNumpyVector(np.frombuffer(data.tobytes(), np.uint8))
        tflite.BufferStart(self.builder)
        if vector is not None:
            tflite.BufferAddData(self.builder, vector)
        return tflite.BufferEnd(self.builder)

    def tensor(self, data: np.ndarray, scales: np.ndarray, axis: int) -> int:
        """Add a constant and return its number."""
        self.buffers.append(self._buffer(data))
        scale = self.builder.CreateNumpyVector(scales.astype(np.float32))
        zero = self.builder.CreateNumpyVector(np.zeros(len(scales), np.int64))
        tflite.QuantizationParametersStart(self.builder)
        tflite.QuantizationParametersAddScale(self.builder, scale)
        tflite.QuantizationParametersAddZeroPoint(self.builder, zero)
        tflite.QuantizationParametersAddQuantizedDimension(self.builder, axis)
        quantization = tflite.QuantizationParametersEnd(self.builder)
        shape = self.builder.CreateNumpyVector(np.array(data.shape, np.int32))
        tflite.TensorStart(self.builder)
        tflite.TensorAddShape(self.builder, shape)
        kind = tflite.TensorType.INT8 if data.dtype == np.int8 else tflite.TensorType.INT32
        tflite.TensorAddType(self.builder, kind)
        tflite.TensorAddBuffer(self.builder, len(self.buffers) - 1)
        tflite.TensorAddQuantization(self.builder, quantization)
        self.tensors.append(tflite.TensorEnd(self.builder))
        return len(self.tensors) - 1

    def operator(self, code: int, inputs: list[int]) -> None:
        """Add a convolution with the given inputs."""
        places = self.builder.CreateNumpyVector(np.array(inputs, np.int32))
        tflite.OperatorStart(self.builder)
        tflite.OperatorAddOpcodeIndex(self.builder, code)
        tflite.OperatorAddInputs(self.builder, places)
        self.operators.append(tflite.OperatorEnd(self.builder))

    def _vector(self, start: object, items: list[int]) -> int:
        start(self.builder, len(items))
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return self.builder.EndVector()

    def bytes(self) -> bytes:
        """Return the file."""
        codes = []
        for kind in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
            tflite.OperatorCodeStart(self.builder)
            tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, kind)
            codes.append(tflite.OperatorCodeEnd(self.builder))
        tensors = self._vector(tflite.SubGraphStartTensorsVector, self.tensors)
        operators = self._vector(tflite.SubGraphStartOperatorsVector, self.operators)
        tflite.SubGraphStart(self.builder)
        tflite.SubGraphAddTensors(self.builder, tensors)
        tflite.SubGraphAddOperators(self.builder, operators)
        graphs = self._vector(tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(self.builder)])
        buffers = self._vector(tflite.ModelStartBuffersVector, self.buffers)
        codes = self._vector(tflite.ModelStartOperatorCodesVector, codes)
        tflite.ModelStart(self.builder)
        tflite.ModelAddSubgraphs(self.builder, graphs)
        tflite.ModelAddBuffers(self.builder, buffers)
        tflite.ModelAddOperatorCodes(self.builder, codes)
        self.builder.Finish(tflite.ModelEnd(self.builder), b"TFL3")
        return bytes(self.builder.Output())


def written(path: Path, channels: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Write a file of convolutions with these channels; return each one's weights and biases, in torch's order."""
    rng, file, expected = np.random.default_rng(0), FileBuilder(), []
    shapes = [(0, (channels[0], 3, 3, 1))]
    for dim_in, dim in zip(channels, (*channels[1:], 8), strict=True):  # the last pair is left out by the reader
        shapes += [(1, (1, 3, 3, dim_in)), (0, (dim, 1, 1, dim_in))]
    for code, shape in shapes:
        axis = 3 if code else 0
        weight = rng.integers(-127, 128, shape, np.int8)
        bias = rng.integers(-1000, 1000, shape[axis], np.int32)
        scales = rng.uniform(0.001, 0.01, shape[axis])
        spread = scales.reshape([-1 if place == axis else 1 for place in range(4)]).astype(np.float32)
        file.operator(code, [0, file.tensor(weight, scales, axis), file.tensor(bias, scales / 8, 0)])
        order = (3, 0, 1, 2) if code else (0, 3, 1, 2)
        expected.append(((weight * spread).transpose(order), bias * (scales / 8).astype(np.float32)))
    path.write_bytes(file.bytes())
    return expected


def test_the_weights_are_those_of_the_file_in_torchs_order(tmp_path: Path):
    path = tmp_path / "yamnet.tflite"
    expected = written(path, CHANNELS)
    net, config = open_yamnet(path)
    assert config == YamnetConfig()
    encoder = YamnetEncoder(config)
    state = net.read(list(net.shapes))
    encoder.load_state_dict(state)
    for place, column in (("first", 0), ("depthwise.11", 23)):
        weight, bias = expected[column]
        torch.testing.assert_close(state[f"{place}.weight"], torch.from_numpy(weight.copy()).float())
        torch.testing.assert_close(state[f"{place}.bias"], torch.from_numpy(bias.copy()).float())
    torch.testing.assert_close(state["pointwise.11.weight"], torch.from_numpy(expected[24][0].copy()).float())


def test_another_file_is_refused(tmp_path: Path):
    path = tmp_path / "other.tflite"
    written(path, (8, 16, 16))
    with pytest.raises(CheckpointError, match="not YAMNet"):
        open_yamnet(path)
    path.write_bytes(b"RIFF0000WAVE")
    with pytest.raises(CheckpointError, match="not a file of TensorFlow Lite"):
        open_yamnet(path)
    with pytest.raises(CheckpointError, match=r"missing\.tflite"):
        open_yamnet(tmp_path / "missing.tflite")
