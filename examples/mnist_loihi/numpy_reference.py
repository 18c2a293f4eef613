"""The network of this folder in NumPy: the same fixed-point numbers, for comparison.

    python3 numpy_reference.py                  # batches of 256 images, one thread
    python3 numpy_reference.py --batch 1        # one image at a time
    python3 numpy_reference.py --save out.npz   # predictions and counts

Needs numpy and h5py.
"""

import argparse
import gzip
import os
import time
from pathlib import Path

FOLDER = Path(__file__).parent
M = 2**23


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", default=FOLDER / "mnist.net", help="trained network")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of the t10k files")
    parser.add_argument("--steps", type=int, default=32, help="time steps an image")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=256, help="images at a time")
    parser.add_argument("--threads", type=int, default=1, help="of the matrix products")
    parser.add_argument("--save", help="an .npz file for pred, labels and counts")
    return parser.parse_args()


ARGS = arguments()
# Read by the linear algebra library when NumPy is loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(ARGS.threads)

import h5py  # noqa: E402
import numpy as np  # noqa: E402


def read_idx(path):
    with gzip.open(path) as f:
        data = f.read()
    shape = np.frombuffer(data, ">u4", data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


class Layer:
    """Weights and CUBA neurons. Integers are held in floats, exactly.

    Weighted sums stay below 2^24 (float32); products with a decay below 2^36 (float64).
    """

    def __init__(self, group):
        weight = np.asarray(group["weight"]).astype(int)
        if (weight % 2).any() or weight.min() < -256 or weight.max() > 254:
            raise ValueError("weights are even and between -256 and 254, or are quantised first")
        if np.abs(weight).sum(axis=1).max() >= 2**24:
            raise ValueError("float32 does not hold the weighted sums")
        neuron = group["neuron"]
        self.weight = np.ascontiguousarray(weight.T, dtype=np.float32)
        self.keep_u = (4096 - int(neuron["iDecay"][()])) / 4096
        self.keep_v = (4096 - int(neuron["vDecay"][()])) / 4096
        self.threshold = float(int(neuron["vThMant"][()]) << 6)

    def reset(self, batch):
        self.u = np.zeros((batch, self.weight.shape[1]))
        self.v = np.zeros_like(self.u)

    def step(self, spikes):
        u, v = self.u, self.v
        u *= self.keep_u
        np.trunc(u, out=u)
        u += (spikes @ self.weight) * np.float32(64)
        if max(u.max(), -u.min()) >= M:  # 24 bits: wraps once
            u -= np.where(u > M, 2.0 * M, 0.0)
            u += np.where(u <= -M, 2.0 * M, 0.0)
        v *= self.keep_v
        np.trunc(v, out=v)
        v += u
        np.clip(v, 1 - M, M - 1, out=v)
        fired = v > self.threshold
        v[fired] = 0
        return fired.astype(np.float32)


def spike_trains(steps):
    """Which pixel values spike at which step: [steps, 256].

    The encoder adds pixel / 255 in double precision from the second step of an image on.
    """
    rate = np.arange(256) / 255
    v = np.zeros(256)
    trains = np.zeros((steps, 256), np.float32)
    for step in range(1, steps):
        v += rate
        trains[step] = v > 1
        v[v > 1] = 0
    return trains


def run(layers, pixels, steps):
    """How often each output spikes for each image."""
    counts = np.zeros((len(pixels), layers[-1].weight.shape[1]), np.int64)
    trains = spike_trains(steps)
    pixels = pixels.astype(np.intp)
    encoded = np.empty(pixels.shape, np.float32)
    for layer in layers:
        layer.reset(len(pixels))
    # Each layer resets when the image's first spikes reach it, so that following the wave
    # through all layers in one iteration gives the same as letting it travel.
    for step in range(1, steps):
        # `clip` spares a copy; there is nothing to clip.
        spikes = np.take(trains[step], pixels, out=encoded, mode="clip")
        for layer in layers:
            spikes = layer.step(spikes)
        counts += spikes.astype(np.int64)
    return counts


def main():
    with h5py.File(ARGS.net) as f:
        layers = [Layer(f["layer"][str(i)]) for i in range(len(f["layer"]))]
    images = read_idx(ARGS.data / "t10k-images-idx3-ubyte.gz")[: ARGS.images].reshape(-1, 784)
    labels = read_idx(ARGS.data / "t10k-labels-idx1-ubyte.gz")[: ARGS.images]

    start, start_cpu = time.perf_counter(), time.process_time()
    parts = [
        run(layers, images[i : i + ARGS.batch], ARGS.steps)
        for i in range(0, len(images), ARGS.batch)
    ]
    counts = np.concatenate(parts)
    pred = counts.argmax(axis=1)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu

    right = int((pred == labels).sum())
    print(f"accuracy {right / len(labels):.4f} ({right} of {len(labels)})")
    print(
        f"{len(labels) / seconds:.0f} images/s, {len(labels) / cpu_seconds:.0f} a second of"
        f" processor time; batches of {ARGS.batch}, {ARGS.threads} thread(s)"
    )
    if ARGS.save:
        np.savez(ARGS.save, pred=pred, labels=labels, counts=counts)


if __name__ == "__main__":
    main()
