//! An isolation forest: random cuts set anomalous rows apart after few of them.

use crate::random::Source;

/// Trees, and the most rows of each.
const TREES: usize = 100;
const ROWS: usize = 256;
const EULER: f64 = 0.577_215_664_901_532_9;

#[derive(Clone, Debug)]
pub(super) struct Forest {
    trees: Vec<Node>,
    /// Mean depth at which so many rows are set apart.
    expected: f64,
    nodes: usize,
}

#[derive(Clone, Debug)]
enum Node {
    /// With the depth that the rows left in it would take on.
    Leaf(f64),
    Cut {
        feature: usize,
        at: f64,
        /// At most the threshold, above it.
        branches: Box<[Node; 2]>,
    },
}

impl Forest {
    pub fn fit(rows: &[f64], dim: usize, random: &mut Source) -> Self {
        let count = rows.len() / dim;
        let sample = count.min(ROWS);
        let depth = (sample as f64).log2().ceil() as usize;
        let mut nodes = 0;
        let mut all: Vec<usize> = (0..count).collect();
        let tree = |_| {
            // The first rows of a shuffle that goes no further.
            for at in 0..sample {
                all.swap(at, at + random.index(count - at));
            }
            let mut own = all[..sample].to_vec();
            grow(rows, dim, &mut own, depth, random, &mut nodes)
        };
        Self {
            trees: (0..TREES).map(tree).collect(),
            expected: expected_depth(sample),
            nodes,
        }
    }

    /// From 0 to 1: 1 is the most anomalous.
    pub fn score(&self, row: &[f64]) -> f64 {
        let depths = self.trees.iter().map(|tree| depth(tree, row));
        let mean = depths.sum::<f64>() / self.trees.len() as f64;
        (-mean / self.expected).exp2()
    }

    pub fn nodes(&self) -> usize {
        self.nodes
    }
}

/// Mean depth at which a random tree sets `count` rows apart.
fn expected_depth(count: usize) -> f64 {
    let n = count as f64;
    match count {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * ((n - 1.0).ln() + EULER) - 2.0 * (n - 1.0) / n,
    }
}

fn grow(
    rows: &[f64],
    dim: usize,
    own: &mut [usize],
    depth: usize,
    random: &mut Source,
    nodes: &mut usize,
) -> Node {
    *nodes += 1;
    let range = |feature: usize| {
        let values = own.iter().map(|row| rows[row * dim + feature]);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        })
    };
    let vary: Vec<(usize, (f64, f64))> = (0..dim)
        .map(|feature| (feature, range(feature)))
        .filter(|(_, (low, high))| low < high)
        .collect();
    if depth == 0 || own.len() < 2 || vary.is_empty() {
        return Node::Leaf(expected_depth(own.len()));
    }
    let (feature, (low, high)) = vary[random.index(vary.len())];
    let at = random.uniform(low, high);
    // Rounding may reach the highest value: then nothing would lie above.
    let at = if at < high { at } else { low };
    own.sort_by_key(|row| rows[row * dim + feature] > at);
    let first = own.partition_point(|row| rows[row * dim + feature] <= at);
    let (left, right) = own.split_at_mut(first);
    let left = grow(rows, dim, left, depth - 1, random, nodes);
    let right = grow(rows, dim, right, depth - 1, random, nodes);
    Node::Cut {
        feature,
        at,
        branches: Box::new([left, right]),
    }
}

fn depth(tree: &Node, row: &[f64]) -> f64 {
    let (mut node, mut depth) = (tree, 0.0);
    loop {
        match node {
            Node::Leaf(more) => return depth + more,
            Node::Cut {
                feature,
                at,
                branches,
            } => {
                node = &branches[usize::from(row[*feature] > *at)];
                depth += 1.0;
            }
        }
    }
}
