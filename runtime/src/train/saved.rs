//! All that is needed to go on with training, and to end with the same bytes.

use super::{Course, Epoch};
use crate::network::ElementType;
use crate::npy::{Header, Values};
use crate::npz::{self, Archive, Member};
use std::io;
use std::path::Path;

/// Where training stands after an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Epochs that are over.
    pub epoch: u64,
    /// Updates that are made.
    pub updates: u64,
    /// What is learned, with all its digits.
    pub params: Vec<Vec<f64>>,
    /// What the optimizer remembers of gradients.
    pub first: Vec<Vec<f64>>,
    /// And of their squares.
    pub second: Vec<Vec<f64>>,
    /// How much is left of both moments' beginning.
    pub powers: [f64; 2],
    /// The values that the network had in the best epoch; before one, those that it begins with.
    pub best: Vec<Vec<f64>>,
    /// What all epochs have brought.
    pub history: Vec<Epoch>,
}

impl State {
    /// Before the first epoch.
    pub fn new(course: &Course) -> State {
        let params: Vec<Vec<f64>> = course.params.iter().map(|p| p.start.clone()).collect();
        let zeros: Vec<Vec<f64>> = params.iter().map(|p| vec![0.0; p.len()]).collect();
        let mut state = State {
            epoch: 0,
            updates: 0,
            first: zeros.clone(),
            second: zeros,
            powers: [1.0, 1.0],
            best: Vec::new(),
            history: Vec::new(),
            params,
        };
        state.best = state.values(course);
        state
    }

    /// The values that the network has.
    pub fn values(&self, course: &Course) -> Vec<Vec<f64>> {
        let of = course.params.iter().zip(&self.params);
        of.map(|(param, own)| own.iter().map(|x| param.quantised(*x)).collect()).collect()
    }

    /// The best epoch.
    pub fn best(&self) -> Option<&Epoch> {
        self.history.iter().rev().find(|epoch| epoch.best)
    }

    /// Whether too many epochs have brought nothing better.
    pub(super) fn is_over(&self, course: &Course) -> bool {
        let since = self.best().map_or(0, |best| self.epoch - best.number);
        course.patience.is_some_and(|patience| since >= patience)
    }

    /// Notes what an epoch has brought, and whether it is the best: that with the most that are
    /// right, then that with the least loss; without held out samples the last one.
    pub(super) fn finish(&mut self, course: &Course, of: Epoch, values: Vec<Vec<f64>>) -> Epoch {
        let better = |best: &Epoch| {
            let (accuracy, loss) = (of.held_out_accuracy, of.held_out_loss);
            match course.lesson.compared.is_some() && accuracy != best.held_out_accuracy {
                true => accuracy > best.held_out_accuracy,
                false => loss < best.held_out_loss,
            }
        };
        let best = course.held_out == 0 || self.best().is_none_or(better);
        if best {
            self.best = values;
        }
        let of = Epoch { best, ..of };
        self.history.push(of);
        self.epoch += 1;
        of
    }

    /// Stores it, as an archive of arrays with `comment`; another of this name is replaced as a
    /// whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn save(&self, path: &Path, comment: &str) -> io::Result<()> {
        let numbers = [self.epoch as f64, self.updates as f64, self.powers[0], self.powers[1]];
        let history: Vec<f64> = self.history.iter().flat_map(numbers_of).collect();
        let mut arrays: Vec<(String, Vec<usize>, &[f64])> = vec![
            ("state".into(), vec![numbers.len()], &numbers),
            ("history".into(), vec![self.history.len(), COLUMNS], &history),
        ];
        let lists = [
            ("params", &self.params),
            ("first", &self.first),
            ("second", &self.second),
            ("best", &self.best),
        ];
        for (name, list) in lists {
            for (k, array) in list.iter().enumerate() {
                arrays.push((format!("{name}{k}"), vec![array.len()], array));
            }
        }
        let bytes: Vec<Vec<u8>> = arrays
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let members: Vec<Member> = arrays
            .iter()
            .zip(&bytes)
            .map(|((name, shape, _), bytes)| Member {
                name,
                header: Header::new(ElementType::F64, shape),
                bytes: npz::Values::Held(bytes),
            })
            .collect();
        npz::write(path, &members, comment)
    }

    /// What was stored there, and the comment.
    ///
    /// # Errors
    /// Where it cannot be read, or is not of what `course` learns.
    pub fn load(path: &Path, course: &Course) -> io::Result<(State, String)> {
        let mut archive = Archive::open(path)?;
        let comment = String::from_utf8_lossy(archive.comment()).into_owned();
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "it is of another training");
        let mut array = |name: &str| -> io::Result<Vec<f64>> {
            let (header, mut from) = archive.array(name)?;
            match crate::npy::read_values(&header, &mut from)? {
                Values::Float(values) => Ok(values),
                _ => Err(wrong()),
            }
        };
        let numbers = array("state")?;
        let [epoch, updates, power1, power2] = numbers[..] else { return Err(wrong()) };
        let history = array("history")?.chunks(COLUMNS).map(epoch_of).collect();
        let mut list = |name: &str| -> io::Result<Vec<Vec<f64>>> {
            let all = course.params.iter().enumerate();
            all.map(|(k, param)| {
                let own = array(&format!("{name}{k}"))?;
                if own.len() == param.start.len() { Ok(own) } else { Err(wrong()) }
            })
            .collect()
        };
        let (params, first, second, best) =
            (list("params")?, list("first")?, list("second")?, list("best")?);
        let (epoch, updates, powers) = (epoch as u64, updates as u64, [power1, power2]);
        Ok((State { epoch, updates, params, first, second, powers, best, history }, comment))
    }
}

/// Numbers of an epoch.
const COLUMNS: usize = 7;

fn numbers_of(of: &Epoch) -> [f64; COLUMNS] {
    let best = f64::from(u8::from(of.best));
    [
        of.number as f64,
        of.loss,
        of.accuracy,
        of.held_out_loss,
        of.held_out_accuracy,
        of.limited,
        best,
    ]
}

fn epoch_of(numbers: &[f64]) -> Epoch {
    let at = |n: usize| numbers.get(n).copied().unwrap_or(f64::NAN);
    Epoch {
        number: at(0) as u64,
        loss: at(1),
        accuracy: at(2),
        held_out_loss: at(3),
        held_out_accuracy: at(4),
        limited: at(5),
        best: at(6) != 0.0,
    }
}
