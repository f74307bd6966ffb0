# SPDX-License-Identifier: Apache-2.0
"""What the model scripts share: data, training loop, ONNX export, sample files.

All data comes from files inside the Debian packages python3-sklearn and
python3-skimage; nothing is downloaded.
"""
import os

import numpy as np
import onnx
import torch
from PIL import Image

OUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def setup(seed):
    """Make a run repeatable (on the same kind of CPU)."""
    torch.manual_seed(seed)
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    return np.random.RandomState(seed)


def digits():
    """scikit-learn's digits as float32 in 0..1 (steps of 1/16), split 3:1 per class.

    Returns train images, train labels, test images, test labels.
    """
    from sklearn.datasets import load_digits
    data = load_digits()
    images = (data.images / 16).astype(np.float32)
    labels = data.target.astype(np.int64)
    rng = np.random.RandomState(0)
    test = np.zeros(len(labels), bool)
    for c in range(10):
        members = rng.permutation(np.flatnonzero(labels == c))
        test[members[:len(members) // 4]] = True
    return images[~test], labels[~test], images[test], labels[test]


def picture(file, mode, shrink=1):
    """A picture out of the package python3-skimage as uint8 array."""
    import skimage
    path = os.path.join(os.path.dirname(skimage.__file__), "data", file)
    image = Image.open(path).convert(mode)
    if shrink > 1:
        image = image.resize((image.width // shrink, image.height // shrink), Image.BOX)
    return np.asarray(image)


def jitter_digits(x):
    """Augment a batch of digits (N, 8, 8): a little shift, contrast and noise."""
    n = len(x)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    theta[:, 0, 1] = torch.empty(n).uniform_(-0.15, 0.15)       # slant
    theta[:, :, 2] = torch.empty(n, 2).uniform_(-0.12, 0.12)    # shift by half a pixel
    grid = torch.nn.functional.affine_grid(theta, (n, 1, 8, 8), align_corners=False)
    x = torch.nn.functional.grid_sample(x[:, None], grid, align_corners=False)[:, 0]
    x = x * torch.empty(n, 1, 1).uniform_(0.85, 1.1) + 0.03 * torch.randn_like(x)
    return x.clamp(0, 1)


def shuffled(x, y, batch):
    """The training set once, in random order."""
    order = torch.randperm(len(x))
    for i in range(0, len(x) - batch + 1, batch):
        pick = order[i:i + batch]
        yield x[pick], y[pick]


def fit(net, epoch, epochs, lr, loss, weight_decay=0.01):
    """Train with AdamW and a cosine schedule; `epoch()` yields (input, wanted) batches."""
    opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    net.train()
    for e in range(epochs):
        total = count = 0
        for x, y in epoch():
            opt.zero_grad()
            err = loss(net(x), y)
            err.backward()
            opt.step()
            total += err.item()
            count += 1
        schedule.step()
        if e % 10 == 9 or e == epochs - 1:
            print(f"epoch {e + 1}/{epochs}: loss {total / count:.4f}", flush=True)


def export(net, name, sample, inputs, outputs, axes, opset, about):
    """Write NAME.onnx; a net with BatchNorm keeps it apart from its convolution."""
    path = os.path.join(OUT, name + ".onnx")
    keep = any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    mode = torch.onnx.TrainingMode
    torch.onnx.export(net.eval(), sample, path, opset_version=opset,
                      training=mode.PRESERVE if keep else mode.EVAL,
                      do_constant_folding=not keep,
                      input_names=[inputs], output_names=[outputs],
                      dynamic_axes={inputs: axes[0], outputs: axes[1]})
    model = onnx.load(path)
    model.graph.name = name
    model.doc_string = about
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def save(name, kind, **arrays):
    """Write NAME.KIND.npz."""
    np.savez_compressed(os.path.join(OUT, f"{name}.{kind}.npz"), **arrays)
