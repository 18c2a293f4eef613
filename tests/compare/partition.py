"""Partitions the hypergraphs that the example `partition` writes with other partitioners.

    cargo run --release -p snnc --example partition -- --write graphs sheet small-world
    pip install mtkahypar pymetis
    python3 tests/compare/partition.py graphs

Each gets as many parts as `snnc` used cores, and may fill them with as many neurons as the
fullest of these has; they know of no other limit. The objective is that of `snnc`: for each
neuron, the parts other than its own that its targets are in. A partitioner that is not
installed is reported as skipped.
"""

import functools
import sys
import time
from pathlib import Path

SEED = 1
THREADS = 2


def read_header(path):
    """Cores, neurons of the fullest core and messages, from the comment in the first line."""
    words = path.open().readline().split()
    values = dict(zip(words[1::2], words[2::2]))
    return int(values["cores"]), int(values["neurons"]), float(values["messages"])


def read_edges(path):
    lines = [line for line in path.open() if not line.startswith("%")]
    vertices = int(lines[0].split()[1])
    return vertices, [[int(v) - 1 for v in line.split()] for line in lines[1:]]


def imbalance(vertices, cores, most):
    return max(0.0, most / -(-vertices // cores) - 1.0)


@functools.cache
def mt_kahypar_library():
    import mtkahypar

    return mtkahypar, mtkahypar.initialize(THREADS)


def mt_kahypar(preset):
    def run(path, cores, most):
        mtkahypar, library = mt_kahypar_library()
        mtkahypar.set_seed(SEED)
        context = library.context_from_preset(getattr(mtkahypar.PresetType, preset))
        graph = library.hypergraph_from_file(str(path), context, mtkahypar.FileFormat.HMETIS)
        slack = imbalance(graph.num_nodes(), cores, most)
        context.set_partitioning_parameters(cores, slack, mtkahypar.Objective.KM1)
        context.logging = False
        start = time.perf_counter()
        result = graph.partition(context)
        return result.km1(), time.perf_counter() - start

    return run


def metis(path, cores, most):
    """A graph partitioner: each edge becomes a star from its sender; messages counted after."""
    import pymetis

    vertices, edges = read_edges(path)
    near = [set() for _ in range(vertices)]
    senders = senders_of(vertices, edges)
    for sender, edge in zip(senders, edges):
        for v in edge:
            if v != sender:
                near[sender].add(v)
                near[v].add(sender)
    start = time.perf_counter()
    _, part = pymetis.part_graph(cores, adjacency=[sorted(n) for n in near])
    seconds = time.perf_counter() - start
    cut = sum(len({part[v] for v in edge}) - 1 for edge in edges)
    return cut, seconds


def senders_of(vertices, edges):
    """The file lists edges by sender, ascending, and each contains its sender: with as many
    edges as vertices, edge `i` is that of vertex `i`."""
    if len(edges) != vertices:
        raise ImportError("some neurons send nothing, so that edges have no known sender")
    return range(vertices)


PARTITIONERS = {
    "Mt-KaHyPar default": mt_kahypar("DEFAULT"),
    "Mt-KaHyPar quality": mt_kahypar("QUALITY"),
    "METIS": metis,
}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    files = sorted(Path(sys.argv[1]).glob("*.hgr"))
    wanted = sys.argv[2:] or list(PARTITIONERS)
    print(f"{'network':<20}{'partitioner':<22}{'cores':>6}{'messages':>12}{'s':>9}")
    for path in files:
        cores, most, messages = read_header(path)
        print(f"{path.stem:<20}{'snnc':<22}{cores:>6}{messages:>12.0f}")
        for name in wanted:
            try:
                cut, seconds = PARTITIONERS[name](path, cores, most)
                print(f"{path.stem:<20}{name:<22}{cores:>6}{cut:>12.0f}{seconds:>9.2f}")
            except ImportError as why:
                print(f"{path.stem:<20}{name:<22} skipped: {why}")


if __name__ == "__main__":
    main()
