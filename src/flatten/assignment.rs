//! The best way to give each row a column of its own.
//!
//! In: what each pair of a row and a column costs. Out: for each row its column. Never: a row without a column where one
//! could be had, or another choice of several equally good ones than that in which the first rows have the first columns.

/// What a pair costs that must not be: more than having no column, which costs nothing, so it is never chosen.
const IMPOSSIBLE: i64 = 1;

/// For each row its column, such that the costs add up to the least; `None` is a pair that must not be. Costs are negative.
///
/// Takes as many steps as the cube of rows and columns together.
pub(super) fn assign(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> Option<i64>) -> Vec<Option<usize>> {
    // With rows and columns that stand for none, each has a partner.
    let size = rows + columns;
    let mut costs = vec![vec![0; size]; size];
    for (row, costs) in costs.iter_mut().enumerate().take(rows) {
        for (column, place) in costs.iter_mut().enumerate().take(columns) {
            *place = cost(row, column).unwrap_or(IMPOSSIBLE);
        }
    }
    let mut assignment = Assignment::new(costs);
    (0..size).for_each(|row| assignment.add(row));
    assignment.prefer_first(rows, columns);
    let mut column_of = vec![None; rows];
    for (column, row) in assignment.row_of.iter().enumerate().take(columns) {
        if let Some(place) = row.and_then(|row| column_of.get_mut(row)) {
            *place = Some(column);
        }
    }
    column_of
}

/// The Hungarian method: prices of rows and columns, never more than a pair costs and just as much where one is chosen.
struct Assignment {
    costs: Vec<Vec<i64>>,
    row_prices: Vec<i64>,
    column_prices: Vec<i64>,
    row_of: Vec<Option<usize>>,
}

impl Assignment {
    fn new(costs: Vec<Vec<i64>>) -> Self {
        let size = costs.len();
        Self { costs, row_prices: vec![0; size], column_prices: vec![0; size], row_of: vec![None; size] }
    }

    /// What a pair costs beyond its prices.
    fn surplus(&self, row: usize, column: usize) -> i64 {
        self.costs[row][column] - self.row_prices[row] - self.column_prices[column]
    }

    /// Gives one more row a column: that at the end of the cheapest chain of exchanges.
    fn add(&mut self, added: usize) {
        let size = self.costs.len();
        let mut least = vec![i64::MAX; size];
        // The column before each one in the chain; none before the first.
        let mut before: Vec<Option<usize>> = vec![None; size];
        let mut reached: Vec<usize> = Vec::new();
        let mut is_reached = vec![false; size];
        let (mut row, mut previous) = (added, None);
        let free = loop {
            for column in (0..size).filter(|column| !is_reached[*column]) {
                let surplus = self.surplus(row, column);
                if surplus < least[column] {
                    (least[column], before[column]) = (surplus, previous);
                }
            }
            let Some(nearest) = (0..size).filter(|column| !is_reached[*column]).min_by_key(|column| least[*column])
            else {
                return;
            };
            let step = least[nearest];
            self.row_prices[added] += step;
            for column in &reached {
                self.column_prices[*column] -= step;
                if let Some(row) = self.row_of[*column] {
                    self.row_prices[row] += step;
                }
            }
            (0..size).filter(|column| !is_reached[*column]).for_each(|column| least[column] -= step);
            let Some(next) = self.row_of[nearest] else { break nearest };
            is_reached[nearest] = true;
            reached.push(nearest);
            (row, previous) = (next, Some(nearest));
        };
        let mut column = free;
        while let Some(earlier) = before[column] {
            self.row_of[column] = self.row_of[earlier];
            column = earlier;
        }
        self.row_of[column] = Some(added);
    }

    /// Among the choices that cost as little, all of which have no surplus, takes that in which the first row has the
    /// first column that it can have, then the second row, and so on.
    fn prefer_first(&mut self, rows: usize, columns: usize) {
        let size = self.costs.len();
        let mut is_settled = vec![false; size];
        for row in 0..rows {
            let Some(own) = self.row_of.iter().position(|other| *other == Some(row)) else { continue };
            let mut is_seen = is_settled.clone();
            // Whoever has the better column goes elsewhere, and at the end somebody takes the column that is given up.
            let better = (0..columns.min(own)).find(|column| {
                !is_seen[*column] && self.surplus(row, *column) == 0 && self.give_up(*column, own, &mut is_seen)
            });
            let column = better.unwrap_or(own);
            self.row_of[column] = Some(row);
            is_settled[column] = true;
        }
    }

    /// Finds the row that has `column` another one, with exchanges that end at `vacant`.
    fn give_up(&mut self, column: usize, vacant: usize, is_seen: &mut [bool]) -> bool {
        is_seen[column] = true;
        let Some(row) = self.row_of[column] else { return true };
        for other in 0..self.costs.len() {
            if is_seen[other] || self.surplus(row, other) != 0 {
                continue;
            }
            if other == vacant || self.give_up(other, vacant, is_seen) {
                self.row_of[other] = Some(row);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best of all choices, tried one after the other: costs, then positions with none as the last.
    fn by_trial(costs: &[Vec<Option<i64>>], columns: usize, chosen: &mut Vec<usize>) -> (i64, Vec<usize>) {
        let Some(row) = costs.get(chosen.len()) else { return (0, chosen.clone()) };
        let choices = (0..=columns).filter_map(|column| {
            let is_free = column == columns || !chosen.contains(&column);
            let cost = if column == columns { 0 } else { row[column].filter(|_| is_free)? };
            chosen.push(column);
            let (rest, all) = by_trial(costs, columns, chosen);
            chosen.pop();
            Some((cost + rest, all))
        });
        choices.min().unwrap_or_default()
    }

    #[test]
    fn the_best_and_first_choice_is_made() {
        let mut random: u64 = 1;
        let mut below = |limit: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % limit
        };
        for _ in 0..3_000 {
            let [rows, columns] = [below(6), below(6)].map(|number| usize::try_from(number).unwrap_or_default());
            let kinds = 1 + below(5);
            let mut cost = || i64::try_from(below(kinds + 1)).ok().filter(|cost| *cost > 0).map(|cost| -9 - cost);
            let costs: Vec<Vec<Option<i64>>> = (0..rows).map(|_| (0..columns).map(|_| cost()).collect()).collect();
            let (_, best) = by_trial(&costs, columns, &mut Vec::new());
            let best: Vec<Option<usize>> =
                best.into_iter().map(|column| (column < columns).then_some(column)).collect();
            assert_eq!(assign(rows, columns, |row, column| costs[row][column]), best, "{costs:?}");
        }
    }
}
