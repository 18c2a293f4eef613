//! Hardware profiles: every limit and cost as data, with its value and where it comes from.
//!
//! Two are built in, as the files in `profiles/`; a user's own file may name one of them (or
//! another file) as its `base` and give only the figures that differ.

use super::resources::{Resource, Usage};
use crate::yaml;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use snn_data::Disk;
use snn_data::input;
use snn_ir::diagnostics::nearest;
use std::path::Path;

const BUILT_IN: &[(&str, &str)] = &[
    ("loihi2-n3b", include_str!("profiles/loihi2-n3b.yaml")),
    ("loihi1", include_str!("profiles/loihi1.yaml")),
];

/// The profile of a run that names none.
pub const DEFAULT: &str = "loihi2-n3b";

/// Profiles may be based on each other this deep.
const DEEPEST: usize = 8;

/// How well a figure is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// Published by the vendor or printed by its tools.
    P,
    /// Derived: fits the tables that the vendor's tools print.
    D,
    /// From other publications.
    S,
    /// Estimated.
    E,
    /// Given by the user.
    U,
}

/// A limit or a cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Its value, in the unit that the field of [`Figures`] names.
    pub value: f64,
    /// How well it is known.
    #[serde(default = "given")]
    pub basis: Basis,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
}

fn given() -> Basis {
    Basis::U
}

/// Chips on a board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Columns and rows of chips.
    pub chips: [u32; 2],
    /// How well it is known.
    #[serde(default = "given")]
    pub basis: Basis,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
}

/// A profile file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    profile: String,
    #[serde(default)]
    about: String,
    base: Option<String>,
    #[serde(default)]
    figures: IndexMap<String, Figure>,
    #[serde(default)]
    boards: IndexMap<String, Board>,
}

/// The range of a figure: such that no count of words or of cores overflows, a core can have a
/// neuron, and its weights a byte.
fn bounds(figure: &str) -> (f64, f64) {
    match figure {
        "routers_x" | "routers_y" | "cores_per_router" => (1.0, 1024.0),
        "usable_cores" | "neurons" | "neuron_groups" | "axon_map" | "total_words" => {
            (1.0, f64::from(u32::MAX))
        }
        "word_bits" => (1.0, 256.0),
        "max_weight_bits" => (1.0, 8.0),
        key if key.ends_with("_bits") => (0.0, 256.0),
        _ => (0.0, f64::MAX),
    }
}

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident: $kind:ident),* $(,)?) => {
        /// The values of a profile's figures.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Figures { $($(#[$doc])* pub $name: $kind),* }

        impl Figures {
            /// All names, in order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            fn set(&mut self, name: &str, value: f64) -> Result<(), String> {
                match name {
                    $(stringify!($name) => self.$name = $kind::of(value)?,)*
                    _ => {
                        let near = nearest(name, Figures::NAMES.iter().copied())
                            .map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                        return Err(format!("there is no such figure{near}"));
                    }
                }
                Ok(())
            }
        }
    };
}

/// A number that a figure can be.
trait Value: Sized {
    fn of(value: f64) -> Result<Self, String>;
}

impl Figures {
    /// Neurocores on a chip's die, usable or not.
    pub fn cores_on_die(&self) -> u64 {
        self.routers_x * self.routers_y * self.cores_per_router
    }
}

impl Value for u64 {
    fn of(value: f64) -> Result<u64, String> {
        match value >= 0.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 {
            true => Ok(value as u64),
            false => Err(format!("{value} is not a whole number from 0 to {}", u32::MAX)),
        }
    }
}

impl Value for f64 {
    fn of(value: f64) -> Result<f64, String> {
        match value.is_finite() && value >= 0.0 {
            true => Ok(value),
            false => Err(format!("{value} is not a number of at least 0")),
        }
    }
}

figures! {
    /// Columns of routers on a chip.
    routers_x: u64,
    /// Rows of routers on a chip.
    routers_y: u64,
    /// Neurocores at a router.
    cores_per_router: u64,
    /// Neurocores of a chip that programs may use.
    usable_cores: u64,
    /// Embedded CPUs of a chip that programs may use.
    embedded_cpus: u64,
    /// Neurons a core.
    neurons: u64,
    /// Distinct neuron configurations a core.
    neuron_groups: u64,
    /// Input axons a core.
    axon_in: u64,
    /// Words of synaptic memory a core.
    syn_words: u64,
    /// Words of the output axon map a core.
    axon_map: u64,
    /// Words of output axon memory a core.
    axon_mem: u64,
    /// Words that all six share.
    total_words: u64,
    /// Bits a word.
    word_bits: u64,
    /// Bits of a synapse besides its weight.
    synapse_index_bits: u64,
    /// Bits more where synapses have delays.
    synapse_delay_bits: u64,
    /// Bits of an axon besides its synapses.
    axon_header_bits: u64,
    /// Bits of a kernel row besides its weights.
    conv_header_bits: u64,
    /// Bits of a weight at most.
    max_weight_bits: u64,
    /// Weight exponents go from minus this to this.
    max_weight_exp: u64,
    /// Steps of delay at most.
    max_delay: u64,
    /// Decays, in 1/4096, at most.
    max_decay: u64,
    /// Bits of a threshold's mantissa.
    threshold_bits: u64,
    /// Bias mantissas go from minus this to this.
    bias_mantissa: u64,
    /// Bias exponents go from 0 to this.
    max_bias_exp: u64,
    /// Bits of a state variable of the chip's own neuron.
    state_bits: u64,
    /// Bits of a graded spike's payload; 0 without graded spikes.
    payload_bits: u64,
    /// 1 where the chip resets only at intervals that are powers of two.
    reset_power_of_two: u64,
    /// pJ for each synaptic event of a dense axon.
    energy_synop_dense: f64,
    /// pJ for each synaptic event of a sparse axon.
    energy_synop_sparse: f64,
    /// pJ for each synaptic event of a convolution.
    energy_synop_conv: f64,
    /// pJ for each neuron in each step.
    energy_update: f64,
    /// pJ for each spike.
    energy_spike: f64,
    /// pJ for each message.
    energy_message: f64,
    /// pJ for each hop east or west.
    energy_hop_x: f64,
    /// pJ for each hop north or south.
    energy_hop_y: f64,
    /// pJ for each hop to a neighbouring chip.
    energy_chip_hop: f64,
    /// W a chip.
    power_static: f64,
    /// ns for each message received.
    time_message_in: f64,
    /// ns for each synaptic event.
    time_synop: f64,
    /// ns for each neuron in each step.
    time_update: f64,
    /// ns for each spike.
    time_spike: f64,
    /// ns for each message sent.
    time_message_out: f64,
    /// ns for each message on a link.
    time_link: f64,
    /// ns of every step.
    time_barrier: f64,
    /// ns of every step for each router in use.
    time_barrier_tile: f64,
}

/// A chip's limits and costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// What it describes.
    pub about: String,
    /// The values.
    pub figures: Figures,
    /// Values with their basis and source, in the order of [`Figures::NAMES`].
    pub provenance: IndexMap<String, Figure>,
    /// Boards with such chips.
    pub boards: IndexMap<String, Board>,
}

/// Why a profile cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProfileError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Profile {
    /// The names of those built in.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in profile by name, or one from a YAML file relative to `folder`.
    ///
    /// # Errors
    /// An unknown name, an unreadable file, a figure that does not exist or cannot have its
    /// value.
    pub fn load(name: &str, folder: &Path) -> Result<Profile, ProfileError> {
        Profile::load_at(name, folder, 0)
    }

    fn load_at(name: &str, folder: &Path, depth: usize) -> Result<Profile, ProfileError> {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (text, folder) = match built_in {
            Some((_, text)) => ((*text).to_string(), folder.to_path_buf()),
            None if name.ends_with(".yaml") || name.ends_with(".yml") => {
                let path = folder.join(name);
                let text = input::text(&Disk, &path).map_err(|e| ProfileError {
                    message: format!("the profile cannot be used: {}", e.message),
                    help: e.help.unwrap_or_default(),
                })?;
                (text, path.parent().unwrap_or(folder).to_path_buf())
            }
            None => {
                let names: Vec<&str> = Profile::names().collect();
                let near = nearest(name, names.iter().copied())
                    .map(|n| format!("did you mean `{n}`? "))
                    .unwrap_or_default();
                return Err(ProfileError {
                    message: format!("there is no profile `{name}`"),
                    help: format!(
                        "{near}profiles are {} and YAML files, as in `profile: \"my.yaml\"`",
                        names.join(", ")
                    ),
                });
            }
        };
        if depth > DEEPEST {
            return Err(ProfileError {
                message: format!("the profile `{name}` is based on itself"),
                help: "let `base` name another profile".into(),
            });
        }
        // As a tree, keys that stand twice are found.
        let file = yaml::read(&text).and_then(|file| yaml::parse(&text).map(|_| file));
        let file: ProfileFile = file.map_err(|why| ProfileError {
            message: format!("the profile `{name}` is not one: {why}"),
            help: "a profile has the keys profile, about, base, figures and boards; a figure is \
                   `neurons: {value: 512}`, a board `desk: {chips: [4, 2]}`"
                .into(),
        })?;
        let base = match &file.base {
            Some(base) => Some(Profile::load_at(base, &folder, depth + 1)?),
            None => None,
        };
        if built_in.is_none() && Profile::names().any(|known| known == file.profile) {
            return Err(ProfileError {
                message: format!("`{name}` gives itself the name of a built-in profile"),
                help: format!("give it another than `{}`", file.profile),
            });
        }
        let (mut figures, mut boards) = match base {
            Some(base) => (base.provenance, base.boards),
            None => Default::default(),
        };
        figures.extend(file.figures);
        boards.extend(file.boards);
        Profile::of(file.profile, file.about, figures, boards)
    }

    /// A profile of these figures and boards.
    ///
    /// # Errors
    /// A figure that is missing, does not exist or cannot have its value; a board without
    /// chips or with too many.
    pub fn of(
        name: String,
        about: String,
        mut given: IndexMap<String, Figure>,
        boards: IndexMap<String, Board>,
    ) -> Result<Profile, ProfileError> {
        let wrong = |figure: &str, why: String| ProfileError {
            message: format!("figure `{figure}` of the profile `{name}`: {why}"),
            help: match Figures::NAMES.contains(&figure) {
                true => format!("give it as `{figure}: {{value: …}}`"),
                false => format!("the figures are {}", Figures::NAMES.join(", ")),
            },
        };
        let mut figures = Figures::default();
        for (key, figure) in &given {
            figures.set(key, figure.value).map_err(|why| wrong(key, why))?;
        }
        let mut provenance = IndexMap::new();
        for key in Figures::NAMES {
            let Some(figure) = given.shift_remove(*key) else {
                let why = "it is missing; give it, or a `base` that has it".to_string();
                return Err(wrong(key, why));
            };
            let (least, most) = bounds(key);
            if figure.value < least || figure.value > most {
                let why = format!("{} is not from {least} to {most}", figure.value);
                return Err(wrong(key, why));
            }
            provenance.insert((*key).to_string(), figure);
        }
        let on_die = figures.cores_on_die();
        if figures.usable_cores > on_die {
            return Err(wrong("usable_cores", format!("the mesh has only {on_die} cores")));
        }
        for (key, board) in &boards {
            if board.chips.contains(&0) || board.chips.iter().any(|n| *n > 1024) {
                return Err(ProfileError {
                    message: format!("board `{key}` has {:?} chips", board.chips),
                    help: "a board has 1 to 1024 columns and rows of chips".into(),
                });
            }
        }
        Ok(Profile { name, about, figures, provenance, boards })
    }

    /// What a core offers of a resource.
    pub fn limit(&self, resource: Resource) -> u64 {
        let f = &self.figures;
        match resource {
            Resource::AxonIn => f.axon_in,
            Resource::NeuronGroups => f.neuron_groups,
            Resource::Neurons => f.neurons,
            Resource::SynWords => f.syn_words,
            Resource::AxonMap => f.axon_map,
            Resource::AxonMem => f.axon_mem,
            Resource::Total => f.total_words,
        }
    }

    /// The first resource of which a core would need more than it has.
    pub fn exceeded(&self, usage: &Usage) -> Option<Resource> {
        Resource::ALL.into_iter().find(|r| usage.of(*r) > self.limit(*r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_complete() {
        for name in Profile::names() {
            let profile = Profile::load(name, Path::new("")).expect(name);
            assert_eq!(profile.name, name);
            assert_eq!(profile.provenance.len(), Figures::NAMES.len());
        }
    }

    #[test]
    fn a_file_may_give_only_what_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "profile: mine\nbase: loihi2-n3b\nfigures: {syn_words: {value: 12000}}\n";
        std::fs::write(folder.path().join("mine.yaml"), text).expect("written");
        let mine = Profile::load("mine.yaml", folder.path()).expect("loads");
        assert_eq!((mine.figures.syn_words, mine.figures.neurons), (12000, 4095));
        assert_eq!(mine.provenance["syn_words"].basis, Basis::U);
        assert_eq!(mine.boards["kapoho_point"].chips, [4, 2]);
    }

    #[test]
    fn a_wrong_profile_says_what_to_write() {
        let folder = tempfile::tempdir().expect("a folder");
        let load = |text: &str| {
            std::fs::write(folder.path().join("p.yaml"), text).expect("written");
            let error = Profile::load("p.yaml", folder.path()).expect_err(text);
            format!("{error}; {}", error.help)
        };
        let base = "profile: p\nbase: loihi1\n";
        assert!(load(&format!("{base}figures: {{neuron: {{value: 1}}}}")).contains("`neurons`"));
        assert!(load(&format!("{base}figures: {{neurons: {{value: -1}}}}")).contains("whole"));
        assert!(load(&format!("{base}figures: {{neurons: {{value: .nan}}}}")).contains("whole"));
        assert!(load("profile: p\nbase: p.yaml\n").contains("based on itself"));
        assert!(load("profile: p\n").contains("missing"));
        let twice = "{neurons: {value: 1}, neurons: {value: 2}}";
        assert!(load(&format!("{base}figures: {twice}")).contains("duplicate"));
        assert!(load("profile: loihi1\nbase: loihi1\n").contains("built-in"));
        let mesh = format!("{base}figures: {{routers_x: {{value: 1025}}}}");
        assert!(load(&mesh).contains("not from 1 to 1024"));
        assert!(load("[").contains("is not one"));
        assert!(load("profile: p\nbase: loihi3\n").contains("`loihi1`"));
    }
}
