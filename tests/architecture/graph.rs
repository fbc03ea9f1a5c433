//! Who uses whom among modules with one parent.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::algo::{condensation, has_path_connecting};
use petgraph::graph::{DiGraph, NodeIndex};

use super::modules::{Crate, Names};

/// The modules of one parent and their uses of each other, whatever the depth that names them.
#[derive(Debug, Default)]
struct Siblings {
    names: BTreeSet<String>,
    uses: BTreeSet<(String, String)>,
}

impl Siblings {
    /// Modules that use each other in circles are one node.
    fn graph(&self) -> DiGraph<Vec<String>, ()> {
        let mut graph = DiGraph::new();
        let nodes: BTreeMap<&String, NodeIndex> = (self.names.iter())
            .map(|name| (name, graph.add_node(name.clone())))
            .collect();
        for (from, to) in &self.uses {
            graph.add_edge(nodes[from], nodes[to], ());
        }
        let mut condensed = condensation(graph, true);
        for names in condensed.node_weights_mut() {
            names.sort();
        }
        condensed
    }
}

/// One room: a module right under the root, or several that use each other in circles.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Room {
    pub names: Vec<String>,
    /// The first sentence of the first one's documentation.
    pub summary: String,
}

/// All levels of a crate.
#[derive(Debug)]
pub struct Rooms {
    levels: BTreeMap<Names, Siblings>,
    summaries: BTreeMap<String, String>,
}

impl Rooms {
    pub fn of(read: &Crate) -> Self {
        let mut levels: BTreeMap<Names, Siblings> = BTreeMap::new();
        for (path, module) in &read.modules {
            if !module.children.is_empty() {
                let level = levels.entry(path.clone()).or_default();
                level.names.clone_from(&module.children);
            }
            // What the root brings together is no use of its own.
            for used in &module.uses {
                let home = read.home(used);
                let shared = (path.iter().zip(&home)).take_while(|(a, b)| a == b).count();
                if let (Some(from), Some(to)) = (path.get(shared), home.get(shared)) {
                    let level = levels.entry(path[..shared].to_vec()).or_default();
                    level.uses.insert((from.clone(), to.clone()));
                }
            }
        }
        let top = &read.modules[&Names::new()].children;
        let summaries = (top.iter())
            .map(|name| {
                (
                    name.clone(),
                    read.modules[&vec![name.clone()]].summary.clone(),
                )
            })
            .collect();
        Self { levels, summaries }
    }

    /// Modules that use each other in a circle, at every level: `/kernel: a, b`.
    pub fn circles(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (parent, siblings) in &self.levels {
            let folder = [&[String::new()], &parent[..]].concat().join("/");
            let mut circles: Vec<String> = (siblings.graph().node_weights())
                .filter(|names| names.len() > 1)
                .map(|names| format!("{folder}: {}", names.join(", ")))
                .collect();
            circles.sort();
            all.extend(circles);
        }
        all
    }

    /// The rooms, those first which others do not use, and the uses among them by index, less those that follow
    /// from others.
    pub fn drawn(&self) -> (Vec<Room>, Vec<(usize, usize)>) {
        let graph = self.levels[&Names::new()].graph();
        let mut order: Vec<NodeIndex> = graph.node_indices().collect();
        // By the longest way down, then by name.
        let mut depth = vec![0; graph.node_count()];
        for _ in 0..graph.node_count() {
            for edge in graph.edge_indices() {
                let (from, to) = graph.edge_endpoints(edge).expect("an edge has ends");
                depth[from.index()] = depth[from.index()].max(depth[to.index()] + 1);
            }
        }
        order.sort_by_key(|node| (usize::MAX - depth[node.index()], &graph[*node]));
        let rooms = (order.iter())
            .map(|node| Room {
                names: graph[*node].clone(),
                summary: self.summaries[&graph[*node][0]].clone(),
            })
            .collect();
        let place = |node: NodeIndex| order.iter().position(|other| *other == node);
        let mut uses: Vec<(usize, usize)> = (graph.edge_indices())
            .filter_map(|edge| graph.edge_endpoints(edge))
            .filter(|&(from, to)| {
                // Not where another way leads there.
                !graph
                    .neighbors_directed(from, Direction::Outgoing)
                    .any(|next| next != to && has_path_connecting(&graph, next, to, None))
            })
            .filter_map(|(from, to)| place(from).zip(place(to)))
            .collect();
        uses.sort_unstable();
        uses.dedup();
        (rooms, uses)
    }
}
