//! Messages that go round in one step.

use snn_ir::diagnostics::{Code, Diagnostic, Loc};
use snn_ir::network::{Circle, InstanceId, Member, Network};

/// The message for messages that go round in one step: the ports they go through, in order.
pub fn around(network: &Network, circle: &Circle) -> Diagnostic {
    let links = circle.0.iter().map(|(link, sender)| (&network.links[*link], *sender));
    let name = |(i, p): (InstanceId, u32)| network.member_path(i, Member::Port(p));
    let hops: Vec<(String, Loc)> = links
        .map(|(link, sender)| {
            (format!("{} -> {}", name(link.senders[sender].from), name(link.to)), link.place)
        })
        .collect();
    let first = hops.first().map(|(_, loc)| *loc);
    let loc = first.or(network.instances.first().map(|i| i.place));
    let message = "messages go round in one step: none can be sent first";
    let Some(loc) = loc else { return Diagnostic::without_place(Code::E0501, message) };
    let mut d = Diagnostic::new(Code::E0501, message, loc, "this connection closes the circle");
    // The first is shown already.
    for (_, other) in hops.iter().skip(1).filter(|(_, other)| *other != loc) {
        d = d.label(*other, "and this");
    }
    let lines: Vec<&str> = hops.iter().map(|(text, _)| text.as_str()).collect();
    d.note(format!("the circle:\n{}", lines.join("\n")))
        .help("put a connection that takes a step in between, such as `-> Dense(weights) ->`")
}
