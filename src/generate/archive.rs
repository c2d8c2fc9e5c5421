//! One archive. In: a configuration and the archive's index. Out: its key, its JSON and the rows in it. Never compresses
//! and never writes files; archives can be made in any order.

use super::config::GenerateConfig;
use super::event::Events;
use super::scene::Scene;
use super::template::Compiler;
use super::trail::Trail;

/// Makes archives; shared data is prepared once.
#[derive(Debug)]
pub(super) struct Generator {
    trail: Trail,
    events: Events,
}

impl Generator {
    pub(super) fn new(config: &GenerateConfig) -> Self {
        Self::compile(config, &mut Compiler::new())
    }

    fn compile(config: &GenerateConfig, compiler: &mut Compiler) -> Self {
        Self { trail: Trail::new(config, compiler), events: Events::compile(config.mix, compiler) }
    }

    /// Makes the archive with this index, the same whenever and wherever it is made, into a buffer that is emptied first.
    /// Returns its key below the output folder, `AWSLogs/…/….json.gz`, and how many rows of `usage_records` a converter
    /// must make of it.
    pub(super) fn archive(&self, archive_index: usize, json: &mut Vec<u8>) -> (String, u64) {
        let delivery = self.trail.delivery(archive_index);
        let mut scene = Scene::new(&self.trail);
        let mut usage_records = 0;
        json.clear();
        json.extend_from_slice(b"{\"Records\":[");
        for event_index in 0..self.trail.events_per_archive {
            if event_index > 0 {
                json.push(b',');
            }
            usage_records += self.events.write(&mut scene, &delivery, event_index, json);
        }
        json.extend_from_slice(b"]}");
        (self.trail.key(&delivery), usage_records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::config::Mix;

    #[test]
    fn every_template_is_understood() {
        let mut compiler = Compiler::new();
        Generator::compile(&GenerateConfig::new(Mix::Org, "unused"), &mut compiler);
        assert_eq!(compiler.unknown(), [""; 0]);
    }
}
