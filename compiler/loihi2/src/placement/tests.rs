//! What placement promises, on small graphs.

use super::random::Random;
use super::*;

const COSTS: Costs = Costs { hop_x: 1.0, hop_y: 1.5, chip_hop: 8.0, link: 0.0 };

fn grid(chips: [u32; 2], routers: [u32; 2], slots: u32) -> Grid {
    Grid { chips, routers, slots, bad: Vec::new() }
}

fn random_flows(nodes: usize, degree: usize) -> Flows {
    let mut random = Random::new(nodes as u64);
    let edges: Vec<_> = (0..nodes * degree)
        .map(|_| {
            let (from, to) = (random.below(nodes) as u32, random.below(nodes) as u32);
            (from, to, random.below(1000) as f64 / 1000.0)
        })
        .collect();
    Flows::new(nodes, edges).unwrap()
}

/// Places, and checks that every core has a usable site of its own.
fn check(flows: &Flows, grid: &Grid, ports: &[(u32, Site)], costs: &Costs) -> (Vec<Site>, Score) {
    let places = place(flows, grid, ports, costs, Effort::default()).unwrap();
    assert_eq!(places.len(), flows.nodes());
    let mut cores = Vec::new();
    for (node, &site) in (0..).zip(&places) {
        match ports.iter().find(|port| port.0 == node) {
            Some(port) => assert_eq!(site, port.1),
            None => cores.push(site),
        }
        assert!(grid.router(site).is_some() && site.slot < grid.slots.max(1));
    }
    assert!(cores.iter().all(|site| !grid.bad.contains(site)), "a bad site is used");
    let count = cores.len();
    cores.sort_unstable();
    cores.dedup();
    assert_eq!(cores.len(), count, "a site is used twice");
    assert_eq!(
        places,
        place(flows, grid, ports, costs, Effort::default()).unwrap(),
        "not deterministic"
    );
    let score = score(flows, grid, &places, costs).unwrap();
    (places, score)
}

#[test]
fn graphs_of_all_kinds_are_placed() {
    let chip = grid([1, 1], [8, 4], 4);
    for (nodes, degree) in [(0, 0), (1, 0), (2, 1), (7, 0), (60, 3), (128, 5)] {
        check(&random_flows(nodes, degree), &chip, &[], &COSTS);
    }
    check(&random_flows(300, 4), &grid([3, 2], [8, 4], 4), &[], &COSTS);
    check(&random_flows(30, 4), &grid([1, 1], [1, 40], 1), &[], &COSTS);
    check(&random_flows(3, 4), &grid([1, 1], [1, 1], 3), &[], &COSTS);
    check(&random_flows(0, 0), &grid([0, 1], [8, 4], 4), &[], &COSTS);
}

#[test]
fn bad_sites_stay_empty_and_ports_stay_where_they_are() {
    let mut chip = grid([1, 1], [8, 4], 4);
    for x in 0..8 {
        for slot in [3, 0] {
            chip.bad.push(Site { chip: 0, router: [x, x % 4], slot });
        }
    }
    let host = Site { chip: 0, router: [0, 0], slot: 0 };
    // All 112 good sites are needed, and the port takes none.
    check(&random_flows(113, 4), &chip, &[(5, host)], &COSTS);
    assert_eq!(
        place(&random_flows(113, 4), &chip, &[], &COSTS, Effort::default()),
        Err(PlacementError::TooMany { nodes: 113, sites: 112 })
    );
}

#[test]
fn a_core_goes_to_the_port_it_talks_to() {
    let host = Site { chip: 0, router: [7, 3], slot: 2 };
    let flows = Flows::new(2, [(0, 1, 3.0)]).unwrap();
    let (places, score) = check(&flows, &grid([1, 1], [8, 4], 4), &[(0, host)], &COSTS);
    assert_eq!(places[1].router, [7, 3]);
    assert_eq!((score.cost, score.max_link, score.hottest), (0.0, 0.0, None));
}

#[test]
fn parts_that_exchange_much_share_a_chip() {
    // Four rings of 32, shuffled, that hardly talk to each other, on four chips of 32 cores.
    let name = |part: u32, index: u32| (part + 4 * index) * 37 % 128;
    let edges = (0..4).flat_map(|part| {
        (0..32).map(move |index| (name(part, index), name(part, (index + 1) % 32), 10.0))
    });
    let flows = Flows::new(128, edges.chain([(name(0, 0), name(1, 0), 0.5)])).unwrap();
    let (_, score) = check(&flows, &grid([2, 2], [4, 2], 4), &[], &COSTS);
    assert_eq!((score.interchip, score.chip_hops), (0.5, 0.5));
}

#[test]
fn deltas_are_what_counting_from_scratch_gives() {
    let flows = random_flows(40, 6);
    let grid = grid([2, 1], [3, 3], 3);
    let mesh = Mesh::new(&grid, &COSTS).unwrap();
    let mut seat: Vec<u32> = (0..40).collect();
    seat[17] = NONE;
    let mut state = State::new(&flows, &mesh, seat, &[(17, [2, 1])]);
    let mut random = Random::new(9);
    let scale = mesh.coordinates[0][1] as f64;
    let mut total = state.total();
    for _ in 0..500 {
        let (a, b) = (random.below(54) as u32, random.below(54) as u32);
        let expected = total + state.swap_delta(a, b);
        state.swap(a, b);
        total = state.total();
        assert_eq!(total, expected);
    }
    let host = Site { chip: 0, router: [2, 1], slot: 0 };
    let places: Vec<Site> = (0..40)
        .map(|node| mesh.sites.get(state.seat[node] as usize).copied().unwrap_or(host))
        .collect();
    let score = score(&flows, &grid, &places, &COSTS).unwrap();
    assert_eq!(score.cost, total as f64 / scale * flows.unit());
}

#[test]
fn the_hottest_link_cools() {
    let flows = random_flows(100, 4);
    let chip = grid([1, 1], [8, 4], 4);
    let (_, warm) = check(&flows, &chip, &[], &COSTS);
    let costs = Costs { link: 20.0, ..COSTS };
    let (places, cool) = check(&flows, &chip, &[], &costs);
    assert!(cool.max_link < warm.max_link, "{} {}", cool.max_link, warm.max_link);
    assert!(cool.cost + 20.0 * cool.max_link < warm.cost + 20.0 * warm.max_link);
    let all = links(&flows, &chip, &places).unwrap();
    let hottest = all.iter().map(|link| link.1).fold(0.0, f64::max);
    assert_eq!(hottest, cool.max_link);
    assert!(all.contains(&(cool.hottest.unwrap(), hottest)));
    let carried: f64 = all.iter().map(|link| link.1).sum();
    assert!((carried - cool.hops_x - cool.hops_y).abs() < 1e-6, "{carried}");
}

#[test]
fn a_way_is_counted_link_by_link() {
    // [0, 0] -> [2, 1], x first: two links east, one south, on one chip and across two.
    let flows = Flows::new(2, [(0, 1, 4.0)]).unwrap();
    let at = |chip, router| Site { chip, router, slot: 0 };
    let whole = grid([1, 1], [3, 2], 1);
    let result = score(&flows, &whole, &[at(0, [0, 0]), at(0, [2, 1])], &COSTS).unwrap();
    assert_eq!((result.hops_x, result.hops_y, result.cost), (8.0, 4.0, 14.0));
    assert_eq!((result.max_link, result.messages, result.interchip), (4.0, 4.0, 0.0));
    let halves = grid([2, 1], [2, 2], 1);
    let places = [at(0, [0, 0]), at(1, [0, 1])];
    let result = score(&flows, &halves, &places, &COSTS).unwrap();
    assert_eq!((result.hops_x, result.hops_y, result.chip_hops), (4.0, 4.0, 4.0));
    assert_eq!((result.interchip, result.cost), (4.0, 42.0));
    let ways: Vec<_> = links(&flows, &halves, &places)
        .unwrap()
        .iter()
        .map(|(link, _)| (link.router, link.direction))
        .collect();
    assert_eq!(
        ways,
        [([0, 0], Direction::East), ([1, 0], Direction::East), ([2, 0], Direction::South)]
    );
}

#[test]
fn what_cannot_be_placed_is_an_error() {
    let flows = random_flows(3, 2);
    let effort = Effort::default();
    let host = Site { chip: 0, router: [9, 0], slot: 0 };
    let chip = grid([1, 1], [2, 2], 1);
    let ports = |port| [(port, host)];
    assert_eq!(
        place(&flows, &chip, &ports(1), &COSTS, effort),
        Err(PlacementError::NoSuchSite { node: 1 })
    );
    assert_eq!(
        place(&flows, &chip, &ports(3), &COSTS, effort),
        Err(PlacementError::NoSuchNode { node: 3, nodes: 3 })
    );
    assert!(matches!(Flows::new(usize::MAX, []), Err(PlacementError::TooMany { .. })));
    let endless = grid([u32::MAX; 2], [u32::MAX; 2], u32::MAX);
    assert_eq!(place(&flows, &endless, &[], &COSTS, effort), Err(PlacementError::GridTooLarge));
    for cost in [-1.0, f64::NAN, f64::INFINITY] {
        let costs = Costs { hop_x: cost, ..COSTS };
        assert_eq!(place(&flows, &chip, &[], &costs, effort), Err(PlacementError::NotACost));
    }
    assert_eq!(
        score(&flows, &chip, &[host; 2], &COSTS),
        Err(PlacementError::NoSuchSite { node: 0 })
    );
}
