# SPDX-License-Identifier: Apache-2.0
"""What a Core ML program computes, in numpy: the operations of MIL that bantam writes, each as its documentation in
coremltools says. A program comes from coremltools' MIL frontend; results are rounded to the type of the value."""
import math

import numpy as np
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.types.symbolic import is_symbolic

erf = np.vectorize(math.erf, otypes=[np.float64])


def windows(x, kernel, strides, dilations, pads, fill):
    """Yields (place in the kernel, the elements that it meets) for pictures [N, C, ...]."""
    axes = len(kernel)
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[2 * i], pads[2 * i + 1]) for i in range(axes)], constant_values=fill)
    out = [(x.shape[2 + i] - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1 for i in range(axes)]
    for place in np.ndindex(*kernel):
        at = tuple(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, n, s in zip(place, dilations, out, strides))
        yield place, x[(slice(None), slice(None)) + at]


def padding(a, axes):
    if a.get('pad_type') == 'valid':
        return [0] * (2 * axes)
    assert a['pad_type'] == 'custom', a['pad_type']
    return [int(p) for p in a['pad']]


def along_channels(v, rank):
    return np.reshape(v, [-1] + [1] * (rank - 2))


def conv(a):
    x, w, groups = a['x'], a['weight'], int(a['groups'])
    axes = x.ndim - 2
    n, outputs = x.shape[0], w.shape[0]
    wg = w.reshape((groups, outputs // groups) + w.shape[1:])
    total = 0
    for place, part in windows(x, w.shape[2:], a['strides'], a['dilations'], padding(a, axes), 0):
        shape = part.shape[2:]
        columns = np.ascontiguousarray(part).reshape(n, groups, -1, int(np.prod(shape)))
        total = total + wg[(slice(None),) * 3 + place][None] @ columns
    total = total.reshape((n, outputs) + shape)
    return total + along_channels(a['bias'], x.ndim) if a.get('bias') is not None else total


def conv_transpose(a):
    x, w, groups = a['x'], a['weight'], int(a['groups'])
    n, axes = x.shape[0], x.ndim - 2
    strides, dilations, cut = a['strides'], a['dilations'], padding(a, axes)
    kernel, outputs = w.shape[2:], w.shape[1] * groups
    full = [(x.shape[2 + i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 for i in range(axes)]
    result = np.zeros([n, outputs] + full, x.dtype)
    wg = w.reshape((groups, w.shape[0] // groups) + w.shape[1:])
    columns = x.reshape(n, groups, x.shape[1] // groups, -1)
    for place in np.ndindex(*kernel):
        part = (np.swapaxes(wg[(slice(None),) * 3 + place], 1, 2)[None] @ columns).reshape((n, outputs) + x.shape[2:])
        at = tuple(slice(p * d, p * d + (m - 1) * s + 1, s) for p, d, m, s in zip(place, dilations, x.shape[2:], strides))
        result[(slice(None), slice(None)) + at] += part
    result = result[(slice(None), slice(None)) + tuple(slice(cut[2 * i], full[i] - cut[2 * i + 1]) for i in range(axes))]
    return result + along_channels(a['bias'], x.ndim) if a.get('bias') is not None else result


def max_pool(a):
    kernel = [int(k) for k in a['kernel_sizes']]
    parts = windows(a['x'], kernel, a['strides'], [1] * len(kernel), padding(a, len(kernel)), -np.inf)
    return np.max([part for _, part in parts], axis=0)


def avg_pool(a):
    kernel = [int(k) for k in a['kernel_sizes']]
    pads = padding(a, len(kernel))
    total = sum(part for _, part in windows(a['x'], kernel, a['strides'], [1] * len(kernel), pads, 0))
    if not a['exclude_padding_from_average']:
        return total / np.prod(kernel)
    return total / sum(part for _, part in windows(np.ones_like(a['x']), kernel, a['strides'], [1] * len(kernel), pads, 0))


def resize_bilinear(a):
    x = a['x'].astype(np.float64)
    for axis, out in ((-2, int(a['target_size_height'])), (-1, int(a['target_size_width']))):
        length, i = x.shape[axis], np.arange(out)
        place = {'DEFAULT': i * length / out, 'UNALIGN_CORNERS': (i + 0.5) * length / out - 0.5,
                 'STRICT_ALIGN_CORNERS': i * (length - 1) / max(out - 1, 1)}[a['sampling_mode']]
        place = np.clip(place, 0, length - 1)
        low = np.floor(place).astype(int)
        share = (place - low).reshape([-1, 1] if axis == -2 else [-1])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, length - 1), axis) * share
    return x


def nearest(x, height, width):
    rows, columns = np.arange(height) * x.shape[-2] // height, np.arange(width) * x.shape[-1] // width
    return np.take(np.take(x, rows, -2), columns, -1)


def slice_by_index(a):
    x = a['x']
    parts = []
    stride = [1] * x.ndim if a.get('stride') is None else a['stride']
    for i in range(x.ndim):
        begin = None if a['begin_mask'][i] else int(a['begin'][i])
        end = None if a['end_mask'][i] else int(a['end'][i])
        parts.append(slice(begin, end, int(stride[i])))
    result = x[tuple(parts)]
    return np.squeeze(result, tuple(i for i in range(x.ndim) if a['squeeze_mask'][i]))


def normal(x, axes, epsilon, gamma, beta):
    x = x.astype(np.float64)
    x = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + float(epsilon))
    return (x if gamma is None else x * gamma) + (0 if beta is None else beta)


def layer_norm(a):
    return normal(a['x'], tuple(int(i) for i in a['axes']), a['epsilon'], a.get('gamma'), a.get('beta'))


def instance_norm(a):
    rank = a['x'].ndim
    return normal(a['x'], tuple(range(2, rank)), a['epsilon'], along_channels(a['gamma'], rank), along_channels(a['beta'], rank))


def batch_norm(a):
    mean, variance, gamma, beta = (along_channels(a[k].astype(np.float64), a['x'].ndim) for k in ('mean', 'variance', 'gamma', 'beta'))
    return (a['x'] - mean) / np.sqrt(variance + float(a['epsilon'])) * gamma + beta


def softmax(a):
    e = np.exp(a['x'].astype(np.float64) - a['x'].max(int(a['axis']), keepdims=True))
    return e / e.sum(int(a['axis']), keepdims=True)


def gelu(a):
    x = a['x'].astype(np.float64)
    if a['mode'] == 'EXACT':
        return x * 0.5 * (1 + erf(x / math.sqrt(2)))
    return x * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def quantize(a, of_input=False):
    # pictures have few different values, and one of them may lie right between two steps: bantam multiplies by 1 / scale
    kind = np.int8 if a['output_dtype'] == 'int8' else np.uint8
    limits = np.iinfo(kind)
    steps = a['input'].astype(np.float32) * (np.float32(1) / np.float32(a['scale'])) if of_input else a['input'] / a['scale']
    return np.clip(np.rint(steps) + int(a['zero_point']), limits.min, limits.max).astype(kind)


def dequantize(a):
    return (a['input'].astype(np.asarray(a['scale']).dtype) - int(a['zero_point'])) * a['scale']


def depth_to_space(a):
    x, b = a['x'], int(a['block_size'])
    n, c, h, w = x.shape
    return x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // (b * b), h * b, w * b)


def space_to_depth(a):
    x, b = a['x'], int(a['block_size'])
    n, c, h, w = x.shape
    return x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def pixel_shuffle(a):
    x, b = a['x'], int(a['upscale_factor'])
    n, c, h, w = x.shape
    return x.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // (b * b), h * b, w * b)


def pad(a):
    x, list_ = a['x'], [int(p) for p in a['pad']]
    pairs = [(0, 0)] * (x.ndim - len(list_) // 2) + list(zip(list_[::2], list_[1::2]))
    if a['mode'] == 'constant':
        return np.pad(x, pairs, constant_values=a['constant_val'])
    return np.pad(x, pairs, mode={'reflect': 'reflect', 'replicate': 'edge'}[a['mode']])


def reduction(function):
    return lambda a: function(a['x'].astype(np.float64) if a['x'].dtype.kind == 'f' else a['x'],
                              axis=tuple(int(i) for i in a['axes']), keepdims=bool(a['keep_dims']))


def log_sum_exp(x, axis, keepdims):
    top = x.max(axis, keepdims=True)
    result = np.log(np.exp(x - top).sum(axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis)


def unary(function):
    return lambda a: function(a['x'].astype(np.float64) if a['x'].dtype.kind == 'f' else a['x'])


def binary(function):
    return lambda a: function(a['x'], a['y'])


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def split(a):
    if a.get('num_splits') is not None:
        return np.split(a['x'], int(a['num_splits']), int(a['axis']))
    return np.split(a['x'], np.cumsum(a['split_sizes'])[:-1], int(a['axis']))


def topk(a):
    axis, k = int(a['axis']), int(a['k'])
    order = np.argsort(a['x'] if a['ascending'] else -a['x'], axis, kind='stable')
    places = np.take(order, np.arange(k), axis)
    return [np.take_along_axis(a['x'], places, axis), places]


def gather_nd(a):
    assert not a.get('batch_dims'), a['batch_dims']
    return a['x'][tuple(np.moveaxis(a['indices'], -1, 0))]


def cumsum(a):
    axis = int(a['axis'])
    x = np.flip(a['x'], axis) if a['reverse'] else a['x']
    sums = np.cumsum(x.astype(np.float64), axis) - (x if a['exclusive'] else 0)
    return np.flip(sums, axis) if a['reverse'] else sums


def local_response_norm(a):
    x, size = a['x'].astype(np.float64), int(a['size'])
    squares = np.pad(x ** 2, [(0, 0), ((size - 1) // 2, size // 2)] + [(0, 0)] * (x.ndim - 2))
    sums = sum(squares[:, i:i + x.shape[1]] for i in range(size))
    return x / (a['k'] + a['alpha'] / size * sums) ** a['beta']


def cast(a):
    return a['x'].astype({'fp16': np.float16, 'fp32': np.float32, 'int32': np.int32, 'bool': bool}[a['dtype']])


OPERATIONS = {
    'abs': unary(np.abs), 'acos': unary(np.arccos), 'add': binary(np.add), 'asin': unary(np.arcsin), 'atan': unary(np.arctan),
    'atanh': unary(np.arctanh), 'avg_pool': avg_pool, 'batch_norm': batch_norm, 'cast': cast, 'ceil': unary(np.ceil),
    'clip': lambda a: np.clip(a['x'], a['alpha'], a['beta']), 'concat': lambda a: np.concatenate(a['values'], int(a['axis'])),
    'conv': conv, 'conv_transpose': conv_transpose, 'cos': unary(np.cos), 'cosh': unary(np.cosh), 'depth_to_space': depth_to_space,
    'dequantize': dequantize, 'elu': lambda a: np.where(a['x'] > 0, a['x'], a['alpha'] * np.expm1(a['x'])),
    'equal': binary(np.equal), 'expand_dims': lambda a: np.expand_dims(a['x'], tuple(int(i) for i in a['axes'])),
    'fill': lambda a: np.full([int(d) for d in a['shape']], a['value']), 'erf': unary(erf), 'exp': unary(np.exp), 'floor': unary(np.floor),
    'cumsum': cumsum, 'gather_nd': gather_nd, 'local_response_norm': local_response_norm,
    'gather': lambda a: np.take(a['x'], a['indices'], int(a['axis'])),
    'gather_along_axis': lambda a: np.take_along_axis(a['x'], a['indices'], int(a['axis'])), 'gelu': gelu,
    'greater': binary(np.greater), 'greater_equal': binary(np.greater_equal), 'identity': lambda a: a['x'],
    'instance_norm': instance_norm, 'layer_norm': layer_norm,
    'leaky_relu': lambda a: np.where(a['x'] >= 0, a['x'], a['alpha'] * a['x']), 'less': binary(np.less),
    'less_equal': binary(np.less_equal),
    'linear': lambda a: a['x'] @ a['weight'].T + (0 if a.get('bias') is None else a['bias']),
    'log': lambda a: np.log(a['x'].astype(np.float64) + float(a['epsilon'])), 'logical_and': binary(np.logical_and),
    'logical_not': unary(np.logical_not), 'logical_or': binary(np.logical_or), 'logical_xor': binary(np.logical_xor),
    'matmul': lambda a: (np.swapaxes(a['x'], -1, -2) if a['transpose_x'] else a['x']) @
                        (np.swapaxes(a['y'], -1, -2) if a['transpose_y'] else a['y']),
    'max_pool': max_pool, 'maximum': binary(np.maximum), 'minimum': binary(np.minimum), 'mod': binary(np.mod), 'mul': binary(np.multiply),
    'pad': pad, 'pixel_shuffle': pixel_shuffle, 'pow': binary(np.power),
    'prelu': lambda a: np.where(a['x'] >= 0, a['x'], along_channels(a['alpha'], a['x'].ndim) * a['x']), 'quantize': quantize,
    'real_div': binary(np.divide), 'reduce_argmax': lambda a: np.argmax(a['x'], int(a['axis']), keepdims=bool(a['keep_dims'])),
    'reduce_argmin': lambda a: np.argmin(a['x'], int(a['axis']), keepdims=bool(a['keep_dims'])),
    'reduce_l1_norm': reduction(lambda x, **k: np.abs(x).sum(**k)), 'reduce_l2_norm': reduction(lambda x, **k: np.sqrt((x * x).sum(**k))),
    'reduce_log_sum': reduction(lambda x, **k: np.log(x.sum(**k))), 'reduce_log_sum_exp': reduction(log_sum_exp),
    'reduce_max': reduction(np.max), 'reduce_mean': reduction(np.mean), 'reduce_min': reduction(np.min),
    'reduce_prod': reduction(np.prod), 'reduce_sum': reduction(np.sum), 'reduce_sum_square': reduction(lambda x, **k: (x * x).sum(**k)),
    'relu': lambda a: np.maximum(a['x'], 0), 'relu6': lambda a: np.clip(a['x'], 0, 6),
    'reshape': lambda a: a['x'].reshape([int(d) for d in a['shape']]), 'resize_bilinear': resize_bilinear,
    'resize_nearest_neighbor': lambda a: nearest(a['x'], int(a['target_size_height']), int(a['target_size_width'])),
    'round': unary(np.rint), 'rsqrt': lambda a: 1 / np.sqrt(a['x'].astype(np.float64) + float(a['epsilon'])),
    'select': lambda a: np.where(a['cond'], a['a'], a['b']), 'sigmoid': unary(sigmoid),
    'sigmoid_hard': lambda a: np.clip(a['alpha'] * a['x'] + a['beta'], 0, 1), 'sign': unary(np.sign),
    'silu': unary(lambda x: x * sigmoid(x)), 'sin': unary(np.sin), 'sinh': unary(np.sinh), 'slice_by_index': slice_by_index,
    'softmax': softmax, 'softplus': unary(lambda x: np.logaddexp(x, 0)), 'softsign': unary(lambda x: x / (1 + np.abs(x))),
    'space_to_depth': space_to_depth, 'split': split, 'sqrt': unary(np.sqrt), 'square': unary(np.square),
    'stack': lambda a: np.stack(a['values'], int(a['axis'])),
    'squeeze': lambda a: np.squeeze(a['x'], None if a.get('axes') is None else tuple(int(i) for i in a['axes'])),
    'sub': binary(np.subtract), 'tan': unary(np.tan), 'tanh': unary(np.tanh), 'tile': lambda a: np.tile(a['x'], [int(r) for r in a['reps']]),
    'topk': topk, 'transpose': lambda a: np.transpose(a['x'], [int(i) for i in a['perm']]),
    'upsample_nearest_neighbor': lambda a: nearest(a['x'], a['x'].shape[-2] * int(a['scale_factor_height']),
                                                   a['x'].shape[-1] * int(a['scale_factor_width'])),
}


def wide(x):
    """Half precision is what values are stored in; operations add up in float32."""
    return x.astype(np.float32) if getattr(x, 'dtype', None) == np.float16 else x


def fits(value, var):
    """The shape that type inference found; lengths that it could not know are symbols there."""
    return len(value.shape) == len(var.shape) and all(
        is_symbolic(wanted) or got == wanted for got, wanted in zip(value.shape, var.shape))


class Evaluator:
    """Runs the function `main` of a program; what is constant is computed once. With `exact`, reals are kept in 64 bits
    between operations: what the program means, without the noise of sums in float32."""

    def __init__(self, program, exact=False):
        self.exact = exact
        self.function = program.functions['main']
        self.constants = {}
        self.steps = []
        for op in self.function.operations:
            if op.op_type == 'const':
                self.constants[op.outputs[0]] = op.outputs[0].val
            elif op.op_type.startswith('constexpr_'):
                made = op.materialized_val_inference()
                for var, value in zip(op.outputs, made if isinstance(made, tuple) else [made]):
                    self.constants[var] = value
            else:
                self.steps.append(op)

        if exact:
            self.constants = {v: np.asarray(c, np.float64) if isinstance(c, np.floating) or getattr(c, 'dtype', None) == np.float32 else c
                              for v, c in self.constants.items()}

    def _kept_as(self, var):
        kind = types.nptype_from_builtin(var.dtype)
        return np.float64 if self.exact and kind == np.float32 else kind

    def weights(self):
        """Name -> numbers of every constant that an operation makes from parts."""
        return {op.outputs[0].name: self.constants[op.outputs[0]] for op in self.function.operations
                if op.op_type.startswith('constexpr_') and len(op.outputs) == 1}

    def run(self, inputs, replace=None):
        """`replace(op, given, made)` may give other results of an operation to those that read them."""
        values = dict(self.constants)
        for name, var in self.function.inputs.items():
            values[var] = np.asarray(inputs[name])
            assert fits(values[var], var), (name, values[var].shape, var.shape)
        given_by_user = set(self.function.inputs.values())
        last_use = {v: i for i, op in enumerate(self.steps) for v in self._read(op)}
        wanted = set(self.function.outputs)
        for i, op in enumerate(self.steps):
            given = {k: [wide(values[x]) for x in v] if isinstance(v, (list, tuple)) else wide(values[v])
                     for k, v in op.inputs.items() if v is not None}
            with np.errstate(all='ignore'):
                if op.op_type == 'quantize' and op.inputs['input'] in given_by_user:
                    made = quantize(given, of_input=True)
                else:
                    made = OPERATIONS[op.op_type](given)
            if replace:
                made = replace(op, given, made)
            for var, value in zip(op.outputs, made if isinstance(made, list) else [made]):
                values[var] = np.asarray(value).astype(self._kept_as(var))
                assert fits(values[var], var), (op.op_type, var.name, values[var].shape, var.shape)
            for v in self._read(op):
                if last_use[v] == i and v not in wanted and v not in self.constants:
                    values.pop(v, None)
        return {v.name: values[v] for v in self.function.outputs}

    @staticmethod
    def _read(op):
        for v in op.inputs.values():
            if v is not None:
                yield from v if isinstance(v, (list, tuple)) else [v]
