//! Ways through a board: orders of its seats along which a line of nodes can be laid.

use super::grid::Mesh;

/// A rectangle of routers `[from, to)` on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub from: [usize; 2],
    pub to: [usize; 2],
}

/// The seats of a board by router, and ways through them.
pub(super) struct Seats<'a> {
    pub mesh: &'a Mesh,
    /// Where the seats of each router begin in `list`; one more than there are routers.
    first: Vec<u32>,
    list: Vec<u32>,
}

impl<'a> Seats<'a> {
    pub fn new(mesh: &'a Mesh) -> Self {
        let cell =
            |router: [u16; 2]| usize::from(router[1]) * mesh.size[0] + usize::from(router[0]);
        let mut first = vec![0_u32; mesh.size[0] * mesh.size[1] + 1];
        for &router in &mesh.routers {
            first[cell(router) + 1] += 1;
        }
        let mut sum = 0;
        for place in &mut first {
            sum += *place;
            *place = sum;
        }
        let mut next = first.clone();
        let mut list = vec![0; mesh.routers.len()];
        for (seat, &router) in mesh.routers.iter().enumerate() {
            let place = &mut next[cell(router)];
            list[*place as usize] = seat as u32;
            *place += 1;
        }
        Seats { mesh, first, list }
    }

    /// The seats at a router.
    pub fn at(&self, x: usize, y: usize) -> &[u32] {
        let cell = y * self.mesh.size[0] + x;
        &self.list[self.first[cell] as usize..self.first[cell + 1] as usize]
    }

    /// The seats of each router in turn.
    pub fn routers(&self) -> impl Iterator<Item = &[u32]> {
        self.first.windows(2).map(|ends| &self.list[ends[0] as usize..ends[1] as usize])
    }

    /// The seats of an area, row by row.
    pub fn inside(&self, area: Area) -> impl Iterator<Item = u32> {
        (area.from[1]..area.to[1])
            .flat_map(move |y| (area.from[0]..area.to[0]).map(move |x| (x, y)))
            .flat_map(|(x, y)| self.at(x, y))
            .copied()
    }

    /// Whole chips at the corner of the board that have `nodes` seats; all chips where there are
    /// fewer. Of all rectangles the one that is shortest from corner to corner, as messages from
    /// anywhere to anywhere go a third of that way on average; then the one with the fewest
    /// chips. `chip` is routers `[x, y]` of a chip.
    pub fn chips(&self, nodes: usize, chip: [usize; 2]) -> Area {
        let board = [0, 1].map(|axis| self.mesh.size[axis] / chip[axis].max(1));
        let mut count = vec![0_usize; board[0] * board[1]];
        for router in &self.mesh.routers {
            let [x, y] = [0, 1].map(|axis| usize::from(router[axis]) / chip[axis]);
            count[y * board[0] + x] += 1;
        }
        let mut best = board;
        let length = |axis: usize, to: usize| {
            let coordinates = &self.mesh.coordinates[axis];
            i64::from(coordinates.get(to * chip[axis] - 1).map_or(0, |end| *end))
        };
        let rank = |to: [usize; 2]| (length(0, to[0]) + length(1, to[1]), to[0] * to[1]);
        // Seats of the chips above each row, by column; then row by row from left to right.
        let mut above = vec![0; board[0]];
        for y in 0..board[1] {
            let mut sum = 0;
            for x in 0..board[0] {
                above[x] += count[y * board[0] + x];
                sum += above[x];
                if sum >= nodes && rank([x + 1, y + 1]) < rank(best) {
                    best = [x + 1, y + 1];
                }
            }
        }
        Area { from: [0; 2], to: [0, 1].map(|axis| best[axis] * chip[axis]) }
    }

    /// The smallest area at the corner of `within`, as square as it lets it be, that has `nodes`
    /// seats; all of `within` where it has fewer.
    pub fn corner(&self, nodes: usize, within: Area) -> Area {
        let [columns, rows] = within.to;
        let side = |side: usize| [side.min(columns), side.min(rows)];
        let (mut low, mut high) = (0, columns.max(rows));
        while low < high {
            let middle = low.midpoint(high);
            let to = side(middle);
            let area = Area { from: [0; 2], to };
            if self.inside(area).count() >= nodes {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Area { from: [0; 2], to: side(low) }
    }

    /// Up and down `lanes` lanes of about equal width along axis `along`, each crossed row by row
    /// in the same direction.
    pub fn lanes(&self, area: Area, lanes: usize, along: usize) -> Vec<u32> {
        let across = 1 - along;
        let width = area.to[across] - area.from[across];
        let border = |lane: usize| area.from[across] + lane * width / lanes.max(1);
        let mut seats = Vec::new();
        for lane in 0..lanes {
            let mut visit = |at: usize| {
                for side in border(lane)..border(lane + 1) {
                    let router = if along == 1 { [side, at] } else { [at, side] };
                    seats.extend_from_slice(self.at(router[0], router[1]));
                }
            };
            if lane % 2 == 0 {
                (area.from[along]..area.to[along]).for_each(&mut visit);
            } else {
                (area.from[along]..area.to[along]).rev().for_each(&mut visit);
            }
        }
        seats
    }

    /// Along the Hilbert curve of the smallest square around the area with a power of two as side.
    ///
    /// Source: D. Hilbert, Ueber die stetige Abbildung einer Linie auf ein Flächenstück,
    /// Mathematische Annalen 38, 1891.
    pub fn hilbert(&self, area: Area) -> Vec<u32> {
        let size = [0, 1].map(|axis| area.to[axis] - area.from[axis]);
        let side = size[0].max(size[1]).next_power_of_two();
        let mut cells: Vec<(u64, usize, usize)> = Vec::with_capacity(size[0] * size[1]);
        for y in 0..size[1] {
            for x in 0..size[0] {
                cells.push((hilbert_index(side, x, y), x, y));
            }
        }
        cells.sort_unstable();
        cells
            .into_iter()
            .flat_map(|(_, x, y)| self.at(area.from[0] + x, area.from[1] + y))
            .copied()
            .collect()
    }
}

/// How far along the Hilbert curve of a square, its side a power of two, a cell lies.
fn hilbert_index(side: usize, mut x: usize, mut y: usize) -> u64 {
    let mut index = 0;
    let mut half = side / 2;
    while half > 0 {
        let right = usize::from(x & half > 0);
        let low = usize::from(y & half > 0);
        index += (half as u64) * (half as u64) * ((3 * right) ^ low) as u64;
        // Each quarter is the whole curve, turned so that its ends meet its neighbours'.
        if low == 0 {
            if right == 1 {
                (x, y) = (side - 1 - x, side - 1 - y);
            }
            (x, y) = (y, x);
        }
        half /= 2;
    }
    index
}
