//! Names of the log's things, as the outside sees them.

use super::{LogConfig, LogKind};

impl LogKind {
    /// As the configuration has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kafka => "kafka",
        }
    }
}

impl LogConfig {
    /// The name of a topic or a consumer group as the cluster has it.
    pub fn full_name(&self, name: &str) -> String {
        match self.kind {
            LogKind::Embedded => name.to_owned(),
            LogKind::Kafka => format!("{}{name}", self.kafka.prefix),
        }
    }
}
