//! Programs whose resets and readouts fit what arrives, or not: words in capitals are replaced.

/// Layers: `MEMBERS` are more members of the network.
pub const LAYERS: &str = "epoch sample = every 20 steps
process Input { out s: spike[4]; phase spk { s = [true, false, true, true] } }
network Net {
    input = Input()
    one = LIF[4](vth: 1, du: 4095, dv: 4096)
    two = LIF[4](vth: 1, du: 4095, dv: 4096)
    input -> Dense(weights: 2 * eye(4)) -> one -> Dense(weights: 2 * eye(4)) -> two
    MEMBERS
}
run sim of Net { models fixed_pt; steps 100 }
";

/// A readout: `SILENT` is when the source sends nothing, `CLOSE` the guard and statements that
/// close a window.
pub const READOUT: &str = "epoch image = every 8 steps
process Show {
    out s: spike[4]
    out label: i32
    phase spk { s = [true, true, false, true] SILENT }
    phase post_mgmt when image.start { label = image.index }
}
process Vote {
    in s: spike[3]
    in label: i32
    var count: i32[3] = 0
    var result: i32[3] = 0
    var truth: i32 = 0
    phase spk { count += s }
    phase post_mgmt CLOSE
}
network Net {
    show = Show()
    cells = LIF(vth: 3, du: 4095, dv: 4096)
    vote = Vote()
    show.s -> Dense(weights: full([3, 4], 2)) -> cells -> vote.s
    show.label -> vote.label
    reset cells at image.start skew auto
}
run sim of Net { models fixed_pt; steps 80 }
";
