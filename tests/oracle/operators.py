# SPDX-License-Identifier: Apache-2.0
"""Every operator as a small ONNX model, in float, int8 and int16: the table that tflite_export.py, onnx_export.py,
coreml_export.py and qnn_export.py run in the runtimes of their formats. Lengths are odd, and no two alike.

Needs numpy and onnx."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INTEGER, WIDE = 'float', 'int8', 'int16'
BOTH, ALL = (FLOAT, INTEGER), (FLOAT, INTEGER, WIDE)
INTEGERS = (np.int8, np.int16)  # types of quantized values

X_SCALE, X_ZERO, Y_SCALE, Y_ZERO = 0.05, -3, 0.07, 5
FIXED_SCALES = (1 / 256, 1 / 128)  # of Softmax, Sigmoid and Tanh in int8; 1/32768 in int16
W_SCALES = np.float32([0.004, 0.011, 0.007, 0.0023])


class Net:
    """One operator as an ONNX model: in float, or with every tensor quantized to int8 or int16."""

    def __init__(self, numbers, seed=1):
        self.integer = numbers != FLOAT
        self.wide = numbers == WIDE
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs = [], [], []

    def constant(self, array):
        name = f'c{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, outputs=1, **attrs):
        names = [f'n{len(self.nodes)}_{i}' for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f'{kind}{len(self.nodes)}', **attrs))
        return names[0] if outputs == 1 else names

    def rounded(self, value, scale, zero):
        """A QuantizeLinear and a DequantizeLinear in the integer form."""
        if not self.integer:
            return value
        if self.wide:
            scale, zero = 1 / 32768 if scale in FIXED_SCALES else scale / 128, 0
        self.step = scale
        parameters = [self.constant(np.float32(scale)), self.constant((np.int16 if self.wide else np.int8)(zero))]
        return self.node('DequantizeLinear', [self.node('QuantizeLinear', [value, *parameters]), *parameters])

    def x(self, *shape, scale=X_SCALE, zero=X_ZERO, dtype=TensorProto.FLOAT):
        name = f'x{len(self.inputs)}'
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return self.rounded(name, scale, zero) if dtype == TensorProto.FLOAT else name

    def weight(self, *shape, axis=0):
        scales = np.resize(W_SCALES, shape[axis])
        integers = self.random.integers(-127, 128, shape).astype(np.int8)
        if self.integer:
            zeros = np.zeros(shape[axis], np.int8)
            return self.node('DequantizeLinear', [self.constant(integers), self.constant(scales), self.constant(zeros)], axis=axis)
        along = [1] * len(shape)
        along[axis] = -1
        return self.constant(integers.astype(np.float32) * scales.reshape(along))

    def bias(self, count, x_scale=X_SCALE):
        integers = self.random.integers(-900, 900, count).astype(np.int32)
        scales = np.float32(x_scale / 128 if self.wide else x_scale) * np.resize(W_SCALES, count)
        if self.integer:
            return self.node('DequantizeLinear', [self.constant(integers), self.constant(scales), self.constant(np.zeros(count, np.int32))], axis=0)
        return self.constant(integers.astype(np.float32) * scales)

    def op(self, kind, *inputs, scale=Y_SCALE, zero=Y_ZERO, **attrs):
        return self.rounded(self.node(kind, list(inputs), **attrs), scale, zero)

    def same(self, kind, *inputs, **attrs):
        """An operator that moves values: the result is stored as its input is."""
        return self.op(kind, *inputs, scale=X_SCALE, zero=X_ZERO, **attrs)

    def ints(self, *values):
        return self.constant(np.int64(values))

    def number(self, value):
        return self.constant(np.float32(value))

    def save(self, path, results, types=None):
        results = [results] if isinstance(results, str) else results
        outputs = [helper.make_tensor_value_info(r, t, None) for r, t in zip(results, types or [TensorProto.FLOAT] * len(results))]
        graph = helper.make_graph(self.nodes, 'operator', self.inputs, outputs, self.constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 21)], ir_version=10), path)

    def has_open_lengths(self):
        return any(d.dim_param for value in self.inputs for d in value.type.tensor_type.shape.dim)

    def samples(self, dtypes, lengths=None):
        """Random inputs of the types that the file takes; `lengths` are those that the model leaves open."""
        arrays = {}
        for value in self.inputs:
            shape = [lengths[d.dim_param] if d.dim_param else d.dim_value for d in value.type.tensor_type.shape.dim]
            integer = dtypes.get(value.name) in INTEGERS
            if value.type.tensor_type.elem_type == TensorProto.INT64:
                arrays[value.name] = self.random.integers(0, 3, shape)
            elif integer:
                bounds = np.iinfo(dtypes[value.name])
                arrays[value.name] = self.random.integers(bounds.min, bounds.max + 1, shape).astype(dtypes[value.name])
            else:
                arrays[value.name] = self.random.normal(0, 2, shape).astype(np.float32)
        return arrays


OPEN = ('n', 8, 'h', 'w')
LENGTHS = ({'n': 1, 'h': 9, 'w': 11}, {'n': 3, 'h': 6, 'w': 14}, {'n': 2, 'h': 21, 'w': 8})  # what OPEN is tried with
IMAGE = (1, 8, 9, 11)  # three different lengths, none a multiple of the vectors


def pool(net, kind, **attrs):
    return getattr(net, 'same' if kind == 'MaxPool' else 'op')(kind, net.x(*IMAGE), **attrs)


def resize(net, scale, **attrs):
    return net.same('Resize', net.x(*IMAGE), '', net.constant(np.float32([1, 1, scale, scale])), **attrs)


# name: (how, forms)
OPERATORS = {
    'Conv 3x3': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1]), ALL),
    'Conv 3x3, stride 2': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1], strides=[2, 2]), ALL),
    'Conv 1x1, no bias': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), ALL),
    'Conv dilated': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 3, 3), n.bias(7), pads=[2, 2, 2, 2], dilations=[2, 2]), ALL),
    'Conv in groups': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(6, 4, 3, 3), n.bias(6), group=2), ALL),
    'Conv depthwise': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(8, 1, 3, 3), n.bias(8), group=8, pads=[1, 1, 1, 1]), ALL),
    'Conv depthwise, multiplier 2': (lambda n: n.op('Conv', n.x(*IMAGE), n.weight(16, 1, 5, 3), n.bias(16), group=8, strides=[2, 1]), ALL),
    'Conv 1-d': (lambda n: n.op('Conv', n.x(1, 5, 13), n.weight(7, 5, 3), n.bias(7), pads=[1, 0]), ALL),
    'ConvTranspose': (lambda n: n.op('ConvTranspose', n.x(*IMAGE), n.weight(8, 6, 3, 3, axis=1), n.bias(6), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]), BOTH),
    'ConvTranspose in groups': (lambda n: n.op('ConvTranspose', n.x(*IMAGE), n.weight(8, 3, 3, 3, axis=1), n.bias(6), strides=[2, 2], pads=[1, 1, 1, 1], group=2), FLOAT),
    'Gemm': (lambda n: n.op('Gemm', n.x(5, 33), n.weight(7, 33), n.bias(7), transB=1), ALL),
    'MatMul with a constant': (lambda n: n.op('MatMul', n.x(2, 5, 33), n.weight(33, 7, axis=1)), ALL),
    'MatMul of computed matrices': (lambda n: n.op('MatMul', n.x(2, 5, 9), n.x(2, 9, 7)), FLOAT),
    'Add': (lambda n: n.op('Add', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL),
    'Add broadcast': (lambda n: n.op('Add', n.x(*IMAGE), n.x(1, 8, 1, 1, scale=0.03, zero=7)), ALL),
    'Sub': (lambda n: n.op('Sub', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL),
    'Mul': (lambda n: n.op('Mul', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7)), ALL),
    'Div': (lambda n: n.op('Div', n.x(3, 5), n.op('Exp', n.x(3, 5))), FLOAT),
    'Pow': (lambda n: n.op('Pow', n.op('Exp', n.x(3, 5)), n.number(1.7)), FLOAT),
    'Max': (lambda n: n.same('Max', n.x(3, 5), n.x(3, 5)), ALL),
    'Min of other scales': (lambda n: n.op('Min', n.x(3, 5), n.x(3, 5, scale=0.03, zero=7)), ALL),
    'MaxPool': (lambda n: pool(n, 'MaxPool', kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), ALL),
    'MaxPool, ceil': (lambda n: pool(n, 'MaxPool', kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), ALL),
    'AveragePool': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], strides=[2, 2]), ALL),
    'AveragePool, same scale': (lambda n: n.same('AveragePool', n.x(*IMAGE), kernel_shape=[3, 3], strides=[2, 2]), ALL),
    'AveragePool over padding': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], pads=[1, 1, 1, 1]), ALL),
    'AveragePool counting padding': (lambda n: pool(n, 'AveragePool', kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), ALL),
    'GlobalAveragePool': (lambda n: n.op('GlobalAveragePool', n.x(*IMAGE)), ALL),
    'GlobalMaxPool': (lambda n: n.same('GlobalMaxPool', n.x(*IMAGE)), ALL),
    'ReduceMean': (lambda n: n.op('ReduceMean', n.x(3, 5, 7), n.ints(-1)), ALL),
    'ReduceMax': (lambda n: n.same('ReduceMax', n.x(3, 5, 7), n.ints(1), keepdims=0), ALL),
    'ReduceSum': (lambda n: n.op('ReduceSum', n.x(3, 5, 7), n.ints(1)), FLOAT),
    'ReduceL2': (lambda n: n.op('ReduceL2', n.x(3, 5, 7), n.ints(-1)), FLOAT),
    'ReduceLogSumExp': (lambda n: n.op('ReduceLogSumExp', n.x(3, 5, 7), n.ints(-1)), FLOAT),
    'Softmax': (lambda n: n.op('Softmax', n.x(5, 33), scale=1 / 256, zero=-128), ALL),
    'Softmax along axis 1': (lambda n: n.op('Softmax', n.x(2, 5, 7), axis=1, scale=1 / 256, zero=-128), ALL),
    'LogSoftmax': (lambda n: n.op('LogSoftmax', n.x(5, 33)), FLOAT),
    'Relu': (lambda n: n.op('Relu', n.x(3, 17)), ALL),
    'Clip': (lambda n: n.op('Clip', n.x(3, 17), n.number(-1.5), n.number(3)), ALL),
    'Sigmoid': (lambda n: n.op('Sigmoid', n.x(3, 17), scale=1 / 256, zero=-128), ALL),
    'Sigmoid at another scale': (lambda n: n.op('Sigmoid', n.x(3, 17), scale=1 / 200, zero=-128), INTEGER),
    'Tanh': (lambda n: n.op('Tanh', n.x(3, 17), scale=1 / 128, zero=0), ALL),
    'Gelu': (lambda n: n.op('Gelu', n.x(3, 170)), ALL),
    'Gelu by tanh': (lambda n: n.op('Gelu', n.x(3, 170), approximate='tanh'), ALL),
    'HardSwish': (lambda n: n.op('HardSwish', n.x(3, 170)), ALL),
    'HardSigmoid': (lambda n: n.op('HardSigmoid', n.x(3, 170), scale=1 / 128, zero=-128), ALL),
    'LeakyRelu': (lambda n: n.op('LeakyRelu', n.x(3, 170), alpha=0.1), ALL),
    'PRelu': (lambda n: n.op('PRelu', n.x(*IMAGE), n.constant(np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1, 1))), FLOAT),
    'Elu': (lambda n: n.op('Elu', n.x(3, 17)), ALL),
    'Softplus': (lambda n: n.op('Softplus', n.x(3, 17)), ALL),
    'Mish': (lambda n: n.op('Mish', n.x(3, 17)), ALL),
    'Erf': (lambda n: n.op('Erf', n.x(3, 17)), INTEGER),
    'Exp': (lambda n: n.op('Exp', n.x(3, 17)), ALL),
    'Sqrt': (lambda n: n.op('Sqrt', n.op('Abs', n.x(3, 17))), ALL),
    'Round': (lambda n: n.op('Round', n.x(3, 17)), ALL),
    'Concat': (lambda n: n.op('Concat', n.x(*IMAGE), n.x(*IMAGE, scale=0.03, zero=7), axis=1), ALL),
    'Concat of products': (lambda n: n.op('Concat', n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), n.op('Conv', n.x(*IMAGE), n.weight(4, 8, 1, 1), scale=0.09), axis=1), ALL),
    'Slice': (lambda n: n.same('Slice', n.x(*IMAGE), n.ints(1, 2), n.ints(7, -1), n.ints(1, 3)), ALL),
    'Slice with steps': (lambda n: n.same('Slice', n.x(*IMAGE), n.ints(1, -1), n.ints(7, -100), n.ints(1, 3), n.ints(2, -1)), ALL),
    'Transpose': (lambda n: n.same('Transpose', n.x(2, 3, 5, 7), perm=[0, 3, 1, 2]), ALL),
    'Transpose of 5 axes': (lambda n: n.same('Transpose', n.x(2, 3, 5, 2, 3), perm=[0, 3, 1, 4, 2]), ALL),
    'Reshape': (lambda n: n.same('Reshape', n.x(2, 3, 5), n.ints(0, -1)), ALL),
    'Pad': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3)), ALL),
    'Pad with a value': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3), n.number(1)), ALL),
    'Pad reflect': (lambda n: n.same('Pad', n.x(3, 5), n.ints(0, 1, 2, 3), mode='reflect'), ALL),
    'Resize nearest': (lambda n: resize(n, 2, mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor'), ALL),
    'Resize nearest, half pixels': (lambda n: resize(n, 2, mode='nearest'), ALL),
    'Resize linear': (lambda n: resize(n, 2, mode='linear'), ALL),
    'Resize linear, corners': (lambda n: resize(n, 2, mode='linear', coordinate_transformation_mode='align_corners'), ALL),
    'Resize linear, asymmetric': (lambda n: resize(n, 2, mode='linear', coordinate_transformation_mode='asymmetric'), ALL),
    'DepthToSpace': (lambda n: n.same('DepthToSpace', n.x(*IMAGE), blocksize=2), ALL),
    'DepthToSpace CRD': (lambda n: n.same('DepthToSpace', n.x(*IMAGE), blocksize=2, mode='CRD'), ALL),
    'SpaceToDepth': (lambda n: n.same('SpaceToDepth', n.x(1, 3, 8, 6), blocksize=2), ALL),
    'Gather': (lambda n: n.same('Gather', n.x(5, 7), n.constant(np.int64([[0, -1], [3, 2]])), axis=1), ALL),
    'Gather by input': (lambda n: n.same('Gather', n.x(5, 7), n.x(2, 2, dtype=TensorProto.INT64)), ALL),
    'GatherElements': (lambda n: n.same('GatherElements', n.x(3, 5, 7), n.constant(n.random.integers(-5, 5, (3, 4, 7))), axis=1), ALL),
    'GatherElements by input': (lambda n: n.same('GatherElements', n.x(3, 5), n.x(3, 2, dtype=TensorProto.INT64), axis=1), BOTH),
    'GatherND': (lambda n: n.same('GatherND', n.x(3, 5, 7), n.constant(np.int64([[0, 4], [-1, -2]]))), ALL),
    'ScatterElements': (lambda n: n.op('ScatterElements', n.x(3, 5), n.constant(np.int64([[0, 3], [-1, 1]])), n.x(2, 2), axis=1), FLOAT),
    'ScatterND': (lambda n: n.op('ScatterND', n.x(3, 5, 7), n.constant(np.int64([[0, 4], [2, -1]])), n.x(2, 7)), FLOAT),
    'Expand': (lambda n: n.same('Expand', n.x(3, 1, 5), n.ints(2, 3, 4, 5)), ALL),
    'Tile': (lambda n: n.same('Tile', n.x(3, 5), n.ints(2, 3)), ALL),
    'LayerNormalization': (lambda n: n.op('LayerNormalization', n.x(3, 5, 33), n.weight(33), n.weight(33)), FLOAT),
    'InstanceNormalization': (lambda n: n.op('InstanceNormalization', n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), n.weight(7), n.weight(7)), FLOAT),
    'BatchNormalization': (lambda n: n.op('BatchNormalization', n.x(*IMAGE), *[n.constant(np.linspace(0.5, 2, 8, dtype=np.float32))] * 4), FLOAT),
    'LRN': (lambda n: n.op('LRN', n.op('Conv', n.x(*IMAGE), n.weight(7, 8, 1, 1)), size=3), FLOAT),
    'ArgMax': (lambda n: n.node('Cast', [n.node('ArgMax', [n.x(3, 17)], axis=1)], to=1), FLOAT),
    'Split': (lambda n: n.op('Add', *n.node('Split', [n.x(3, 10)], outputs=2, axis=1, num_outputs=2)), FLOAT),
    'Where': (lambda n: n.op('Where', n.node('Greater', [n.x(3, 5), n.number(0)]), n.x(3, 5), n.x(3, 1)), FLOAT),
    'CumSum': (lambda n: n.op('CumSum', n.x(3, 5), n.constant(np.int64(1))), FLOAT),
    'Sum of three': (lambda n: n.op('Sum', n.x(3, 5), n.x(3, 5), n.x(3, 5)), FLOAT),
}
# Images of any batch, height and width.
OPERATORS |= {
    'open lengths: Conv, MaxPool': (lambda n: n.same('MaxPool', n.op('Conv', n.x(*OPEN), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1], scale=X_SCALE, zero=X_ZERO), kernel_shape=[2, 2], strides=[2, 2]), ALL),
    'open lengths: Conv with a stride': (lambda n: n.op('Conv', n.x(*OPEN), n.weight(7, 8, 3, 3), n.bias(7), pads=[1, 1, 1, 1], strides=[2, 2]), ALL),
    'open lengths: Resize nearest': (lambda n: n.same('Resize', n.x(*OPEN), '', n.constant(np.float32([1, 1, 2, 2])), mode='nearest'), ALL),
    'open lengths: GlobalAveragePool': (lambda n: n.op('GlobalAveragePool', n.x(*OPEN), scale=X_SCALE, zero=X_ZERO), ALL),
    'open lengths: GlobalAveragePool, Gemm': (lambda n: n.op('Gemm', n.same('Flatten', n.op('GlobalAveragePool', n.x(*OPEN), scale=X_SCALE, zero=X_ZERO)), n.weight(7, 8), n.bias(7), transB=1), ALL),
    'open lengths: Add, Concat': (lambda n: n.op('Concat', n.op('Add', n.x(*OPEN), n.x(1, 8, 1, 1)), n.x(*OPEN), axis=1), ALL),
    'open lengths: DepthToSpace': (lambda n: n.same('DepthToSpace', n.x(*OPEN), blocksize=2), ALL),
}
INTEGER_STEPS = 'fold-constants; fold-dequantize; fold-qdq; drop-dead; to-channels-last; fold-constants; drop-dead; lower-to-integer; drop-dead'
