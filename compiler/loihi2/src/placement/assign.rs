//! The assignment problem: rows to columns, each its own, so that the costs add up to the least.
//!
//! Source: shortest augmenting paths with prices, as in Jonker and Volgenant, A shortest augmenting
//! path algorithm for dense and sparse linear assignment problems, Computing 38, 1987.

/// In place of a row or column: none.
const FREE: usize = usize::MAX;

/// Solves one problem after another, and keeps its memory between them.
#[derive(Default)]
pub(super) struct Assignment {
    /// Price of each column.
    price: Vec<i64>,
    row_of: Vec<usize>,
    column_of: Vec<usize>,
    /// Least reduced cost at which each column is reached in a search, and from which column's row
    /// ([`FREE`]: from the row that searches).
    reach: Vec<i64>,
    before: Vec<usize>,
    /// Columns: first those done, then all others.
    turn: Vec<usize>,
}

impl Assignment {
    /// The column of each row. `cost` is `[rows, columns]`, row by row; `rows <= columns`.
    pub fn solve(&mut self, cost: &[i64], rows: usize, columns: usize) -> &[usize] {
        self.row_of.clear();
        self.row_of.resize(columns, FREE);
        self.column_of.clear();
        self.column_of.resize(rows, FREE);
        self.price.clear();
        self.price.resize(columns, 0);
        if rows == columns {
            // With a row for every column, prices may start anywhere; the least cost of a column
            // settles most of them at once.
            for column in 0..columns {
                self.price[column] =
                    (0..rows).map(|row| cost[row * columns + column]).min().unwrap_or(0);
            }
        }
        for row in 0..rows {
            let costs = &cost[row * columns..(row + 1) * columns];
            let least = (0..columns).min_by_key(|&column| costs[column] - self.price[column]);
            if let Some(column) = least.filter(|&column| self.row_of[column] == FREE) {
                self.row_of[column] = row;
                self.column_of[row] = column;
            }
        }
        for row in 0..rows {
            if self.column_of[row] == FREE {
                self.augment(cost, columns, row);
            }
        }
        &self.column_of
    }

    /// Gives `row` a column, over the cheapest chain of rows that make way.
    fn augment(&mut self, cost: &[i64], columns: usize, row: usize) {
        self.turn.clear();
        self.turn.extend(0..columns);
        self.reach.clear();
        self.reach
            .extend((0..columns).map(|column| cost[row * columns + column] - self.price[column]));
        self.before.clear();
        self.before.resize(columns, FREE);
        for done in 0..columns {
            let mut next = done;
            for place in done + 1..columns {
                if self.reach[self.turn[place]] < self.reach[self.turn[next]] {
                    next = place;
                }
            }
            self.turn.swap(done, next);
            let column = self.turn[done];
            let least = self.reach[column];
            let owner = self.row_of[column];
            if owner == FREE {
                for &past in &self.turn[..done] {
                    self.price[past] += self.reach[past] - least;
                }
                self.hand_over(column, row);
                return;
            }
            let costs = &cost[owner * columns..(owner + 1) * columns];
            let base = least - (costs[column] - self.price[column]);
            for &other in &self.turn[done + 1..] {
                let reach = base + costs[other] - self.price[other];
                if reach < self.reach[other] {
                    self.reach[other] = reach;
                    self.before[other] = column;
                }
            }
        }
    }

    fn hand_over(&mut self, mut column: usize, row: usize) {
        loop {
            let before = self.before[column];
            let owner = if before == FREE { row } else { self.row_of[before] };
            self.row_of[column] = owner;
            self.column_of[owner] = column;
            if before == FREE {
                return;
            }
            column = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::Random;
    use super::*;

    /// The least total, by trying all ways.
    fn least(cost: &[i64], columns: usize, row: usize, used: &mut Vec<usize>) -> i64 {
        if row * columns == cost.len() {
            return 0;
        }
        let mut best = i64::MAX;
        for column in 0..columns {
            if !used.contains(&column) {
                used.push(column);
                let rest = least(cost, columns, row + 1, used);
                best = best.min(cost[row * columns + column] + rest);
                used.pop();
            }
        }
        best
    }

    #[test]
    fn assignments_are_the_cheapest() {
        let mut random = Random::new(5);
        let mut assignment = Assignment::default();
        for round in 0..300 {
            let rows = round % 6;
            let columns = rows + round % 3;
            let cost: Vec<i64> = (0..rows * columns).map(|_| random.below(20) as i64 - 5).collect();
            let column_of = assignment.solve(&cost, rows, columns);
            let total: i64 = (0..rows).map(|row| cost[row * columns + column_of[row]]).sum();
            let mut distinct = column_of.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), rows);
            assert_eq!(total, least(&cost, columns, 0, &mut Vec::new()));
        }
    }
}
