"""Makes the small data files of this folder (needs numpy and h5py): `python3 make.py`.

They are committed, so that the tests need no Python. The `.net` files have the layout that
lava-dl exports; `forms.net` uses every form of it that the importer accepts.
`root-is-no-group.h5` was found by a fuzzer and is not made here.
"""

import gzip
import struct

import h5py
import numpy as np


def idx(name, shape, values):
    with open(name, "wb") as f:
        f.write(struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape))
        f.write(bytes(values))


def net(name, layers):
    with h5py.File(name, "w", track_order=False, libver="earliest") as f:
        for i, layer in enumerate(layers):
            group = f.create_group(f"layer/{i}")
            for key, value in layer.items():
                group[key] = value


def text(value):
    return np.array([value], dtype="S10")


def dense(weight, neuron=None, **more):
    weight = np.array(weight, dtype=np.float32)
    layer = {"type": text("dense"), "shape": np.array([weight.shape[0]]), "weight": weight}
    layer.update(more)
    for key, value in (neuron or {}).items():
        layer[f"neuron/{key}"] = value
    return layer


cuba = {"type": "CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 10}

idx("truncated-idx3-ubyte", [2, 4, 4], range(8))
idx("small-idx1-ubyte", [3], [7, 0, 255])
np.save("half.npy", np.zeros((2, 4), dtype=np.float16))
with open("table.csv", "w") as f:
    f.write("x, y\n1, 2.5\n-3, 1e-3\n")
with open("names.csv", "w") as f:
    f.write("1,2,3\n4,five,6\n")
with open("table.csv", "rb") as f:
    packed = gzip.compress(f.read(), mtime=0)
with open("table.csv.gz", "wb") as f:
    f.write(packed)
with open("images-idx3-ubyte.gz", "wb") as f:
    f.write(gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 2, 4, 4) + bytes(range(32)), mtime=0))
# For files that inflate to a very large size: the head of an array of 300 MiB, and a MiB of it.
with open("head-idx1-ubyte.gz", "wb") as f:
    f.write(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 300 << 20), mtime=0))
with open("mebibyte.gz", "wb") as f:
    f.write(gzip.compress(b"0" * (1 << 20), mtime=0))

grid = np.arange(6).reshape(2, 3)
np.save("fortran.npy", np.asfortranarray(grid.astype(np.int16) - 2))
np.save("big.npy", grid.astype(">f4") / 4)
np.save("large.npy", np.array([2**63], dtype=np.uint64))
np.savez("kinds.npz", half=np.zeros(2, dtype=np.float16), large=np.array([2**63], dtype=np.uint64))
np.savez_compressed("packed.npz", w0=grid.astype(np.int8), b0=np.array([True, False]), s=np.float64(2.5))

with h5py.File("kinds.h5", "w", libver="earliest") as f:
    f["bool"] = np.array([True, False, True])
    f["half"] = np.zeros(3, dtype=np.float16)
    f["u64"] = np.array([1, 2**63 - 1], dtype=np.uint64)
    f["u64_large"] = np.array([2**63], dtype=np.uint64)
    f["big_endian"] = np.array([-1, 258], dtype=">i2")
    f["scalar"] = np.float32(0.1)
    f["text"] = "words"
    f["complex"] = np.zeros(2, dtype=np.complex64)
    f["empty"] = np.zeros((0, 4), dtype=np.int32)
    f["deep/er/values"] = grid.astype(np.uint8)
    f.create_dataset("chunked", data=np.arange(1000).reshape(10, 100), chunks=(4, 32), compression=4)
    f.create_dataset("unwritten", shape=(3,), dtype=np.int32, fillvalue=9)

with h5py.File("newer.h5", "w", libver="earliest") as f:
    f["weights"] = np.arange(16).reshape(4, 4)
with open("newer.h5", "r+b") as f:  # with the layout of its dataset in a version of HDF5 2.0
    whole = f.read()
    at = whole.index(struct.pack("<BBQQ", 3, 1, 2048, 128))
    f.seek(at)
    f.write(b"\x05")

first = dense([[2, -4, 6, 8], [-2, 4, 0, 2], [10, 12, -14, 16]], cuba)
second = dense([[2, 4, -6], [-8, 10, 12]], cuba)
net("small.net", [first, second])

conv = {"type": text("conv"), "shape": np.array([2, 4, 4]), "weight": np.zeros((2, 1, 3, 3))}
conv.update({"neuron/type": "CUBA"})
sdnn = dense([[2, 4], [4, 2]], {"type": "SDNN", "vThMant": 3})
net("unsupported.net", [dense([[2]], cuba), conv, {"type": text("pool")}, sdnn])

no_decay = {key: value for key, value in cuba.items() if key != "iDecay"}
net("no-decay.net", [dense([[2, 4, 6, 8], [1, 2, 3, 4]], no_decay)])

one = {"type": text("LOIHI"), "iDecay": np.array([4096]), "vDecay": 0.0, "vThMant": 5}
each = {"type": "CUBA", "iDecay": np.array([1, 2]), "vDecay": np.array([3.0, 4.0]), "vThMant": 5}
pair = [[2, -4], [6, 8]]
net(
    "forms.net",
    [
        {"type": text("input"), "shape": np.array([1, 1, 3])},
        {"type": text("flatten"), "shape": np.array([3, 1, 1])},
        dense([[2, -4, 6], [8, 10, 12]], one, bias=np.array([3.0, -4.0], dtype=np.float32)),
        dense([2, -4, 6, 8], each, shape=np.array([2, 1, 1]), bias=np.float32(7)),
        dense(pair),
        dense(pair, cuba, delay=np.array(3)),
        dense(pair, cuba, delay=np.array([1.0, 70.5])),
        dense([[2, 4], [6, 8], [10, -12]], cuba, delay=np.array([1, 2])),
        dense([[2, 4, 6], [6, 8, 300]], cuba, delay=np.array([[0, 1, 2], [3, 4, 5]])),
        dense([[0, 0], [0, 0]], cuba),
        dense([[510, 2], [0, 4]], cuba),
        dense([[1.5, -400], [300, 2]], cuba),
    ],
)


def tz(x, bits):
    return np.sign(x) * (np.abs(x) >> bits)


def lif(a, i_decay, v_decay, threshold, bias):
    """Spikes of CUBA neurons; the last axis of `a` is time."""
    u = np.zeros(a.shape[:-1], dtype=np.int64)
    v, spikes = u.copy(), np.zeros_like(a)
    for t in range(a.shape[-1]):
        u = tz(u * (4096 - i_decay), 12) + (a[..., t] << 6)
        v = tz(v * (4096 - v_decay), 12) + u + (bias << 6)
        spikes[..., t] = v > threshold << 6
        v[v > threshold << 6] = 0
    return spikes


def correlated(x, weight, stride, padding, dilation, groups):
    """As PyTorch does it: x is [C, H, W, T], weight [out, in, h, w], sizes are (h, w)."""
    x = np.pad(x, [(0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)])
    outs, ins, h, w = weight.shape
    height = (x.shape[1] - dilation[0] * (h - 1) - 1) // stride[0] + 1
    width = (x.shape[2] - dilation[1] * (w - 1) - 1) // stride[1] + 1
    out = np.zeros((outs, height, width, x.shape[3]), dtype=np.int64)
    for o in range(outs):
        first = o // (outs // groups) * ins
        for y in range(height):
            for k in range(width):
                rows = slice(y * stride[0], y * stride[0] + dilation[0] * (h - 1) + 1, dilation[0])
                columns = slice(k * stride[1], k * stride[1] + dilation[1] * (w - 1) + 1, dilation[1])
                window = x[first : first + ins, rows, columns]
                out[o, y, k] = np.einsum("chwt,chw->t", window, weight[o])
    return out


def later(x):
    """A step later: what synapses add to what they connect."""
    return np.concatenate([np.zeros_like(x[..., :1]), x[..., :-1]], axis=-1)


random = np.random.default_rng(1)
kernels = [random.integers(-6, 9, size) for size in [(4, 2, 3, 2), (6, 2, 2, 2)]]
matrix = 2 * random.integers(-6, 9, (5, 6 * 2 * 3))
sizes = [
    {"stride": [2, 1], "padding": [1, 0], "dilation": [1, 1], "groups": 1},
    {"stride": [1, 1], "padding": [0, 0], "dilation": [2, 2], "groups": 2},
]
decays = [1024, np.array([100, 200, 300, 400, 500, 600])]
biases = [np.array([3, -2, 0, 1]), np.array(0)]
spikes = random.integers(0, 2, (2, 7, 6, 16))
layers = [{"type": text("input"), "shape": np.array([2, 7, 6])}]
x = spikes
for kernel, size, decay, bias in zip(kernels, sizes, decays, biases):
    a = later(correlated(x, kernel, **size))
    each = lambda p: np.reshape(p, (-1, 1, 1))
    x = lif(a, each(decay), 128, 40, each(bias))
    layer = {"type": text("conv"), "shape": np.array(x.shape[:3]), "weight": kernel.astype(np.float32)}
    layer.update({key: np.array(value) for key, value in size.items()})
    layer.update({"neuron/type": "CUBA", "neuron/iDecay": decay, "neuron/vDecay": 128, "neuron/vThMant": 40})
    if bias.any():
        layer["bias"] = bias.astype(np.float32)
    layers.append(layer)
layers[1]["weight"] = layers[1]["weight"][..., None]
flat = x.reshape(-1, x.shape[-1])
layers.append({"type": text("flatten"), "shape": np.array([len(flat), 1, 1])})
layers.append(dense(matrix, cuba))
out = lif(later(matrix @ flat), 1024, 128, 10, 0)
net("conv.net", layers)
# Time first, and width, height, channels.
np.savez_compressed(
    "conv.npz", s_in=spikes.transpose(3, 2, 1, 0).astype(np.int8), s_out=out.T.astype(np.int8)
)
