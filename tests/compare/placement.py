"""Places the graphs of the placement benchmark with METIS, beside our placements.

    cargo run --release -p snnc --example placement -- --ours --write FOLDER
    python3 -m venv VENV && VENV/bin/pip install pymetis
    VENV/bin/python tests/compare/placement.py FOLDER

The mesh is halved again and again, and METIS halves the graph each time so that the least weight
is cut: the usual way to a placement with a graph partitioner. The energy is
sum(weight * (1.1 * distance + 0.1)), counted here for both.
"""

import json
import sys
import time
from pathlib import Path


def energy(edges, places):
    total = 0.0
    for a, b, weight in edges:
        if a != b:
            distance = abs(places[a][0] - places[b][0]) + abs(places[a][1] - places[b][1])
            total += weight * (1.1 * distance + 0.1)
    return total


def neighbours(nodes, edges):
    rows = [{} for _ in range(nodes)]
    for a, b, weight in edges:
        if a != b:
            rows[a][b] = rows[a].get(b, 0.0) + weight
            rows[b][a] = rows[b].get(a, 0.0) + weight
    return rows


def halve(metis, rows, part, share):
    """Two lists of `part`, the first with at least `share[0]` and at most `share[1]` nodes."""
    index = {node: at for at, node in enumerate(part)}
    start, targets, weights = [0], [], []
    for node in part:
        for other, weight in rows[node].items():
            if other in index:
                targets.append(index[other])
                weights.append(max(1, round(weight * 1000)))
        start.append(len(targets))
    goal = sum(share) / 2 / len(part)
    if not targets or goal in (0.0, 1.0):
        side = [0 if at < share[1] else 1 for at in range(len(part))]
    else:
        options = metis.Options(seed=1)
        graph = metis.CSRAdjacency(start, targets)
        side = metis.part_graph(
            2, graph, eweights=weights, tpwgts=[goal, 1 - goal], options=options
        )[1]
    # METIS leaves a few nodes too many on one side; those that lose least go over.
    while not share[0] <= side.count(0) <= share[1]:
        full = 0 if side.count(0) > share[1] else 1

        def loss(at):
            near = zip(targets[start[at] : start[at + 1]], weights[start[at] : start[at + 1]])
            return sum(weight if side[to] == full else -weight for to, weight in near)

        side[min((at for at in range(len(part)) if side[at] == full), key=loss)] = 1 - full
    return [[node for node, half in zip(part, side) if half == which] for which in (0, 1)]


def place(metis, side, nodes, edges):
    rows = neighbours(nodes, edges)
    places = [None] * nodes
    work = [((0, 0), (side, side), list(range(nodes)))]
    while work:
        (x, y), (width, height), part = work.pop()
        if width * height == 1 or not part:
            for node in part:
                places[node] = (x, y)
            continue
        if width >= height:
            left = width // 2
            areas = [((x, y), (left, height)), ((x + left, y), (width - left, height))]
        else:
            top = height // 2
            areas = [((x, y), (width, top)), ((x, y + top), (width, height - top))]
        room = [area[1][0] * area[1][1] for area in areas]
        share = (max(0, len(part) - room[1]), min(room[0], len(part)))
        for area, half in zip(areas, halve(metis, rows, part, share)):
            work.append((*area, half))
    return places


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    files = sorted(Path(sys.argv[1]).glob("*.json"))
    if not files:
        sys.exit(f"no graphs in {sys.argv[1]}; write them first:\n{__doc__}")
    try:
        import pymetis as metis
    except ImportError:
        print("skipped: pymetis is not installed")
        return
    print("| graph | ours | METIS, halving | its time |")
    print("|---|---|---|---|")
    for file in files:
        graph = json.loads(file.read_text())
        edges = graph["edges"]
        start = time.process_time()
        places = place(metis, graph["side"], graph["nodes"], edges)
        seconds = time.process_time() - start
        assert len(set(places)) == graph["nodes"], "a site is used twice"
        ours, theirs = energy(edges, graph["places"]), energy(edges, places)
        print(f"| {file.stem} | {ours:.5e} | {theirs:.5e} | {seconds:.2f} s |", flush=True)


if __name__ == "__main__":
    main()
