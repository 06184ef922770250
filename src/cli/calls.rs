//! Arguments about calls beyond the defaults, and calls left out.

use clap::{Args, ValueEnum};

use crate::config::calls::CallFlags;
use crate::model::settings::SkippedArm;

/// Calls beyond the defaults, and calls left out.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct CallOptions {
    /// Send this many equal calls in a row, of a tool that reads or with arguments that cannot run, to
    /// see whether a limit answers. May lock the account out.
    #[arg(long, value_name = "N", help_heading = "Safety")]
    observe_call_limit: Option<usize>,
    /// Read resource paths and addresses outside what the server offers: `/etc/hostname` in several
    /// spellings, and the server's own loopback. May raise alarms.
    #[arg(long, help_heading = "Safety")]
    probe_traversal: bool,
    /// Do not send these wrong credentials, where a server locks accounts after bad tokens. Repeat for
    /// several; checks that need them stay open.
    #[arg(
        long = "skip-arm",
        value_name = "ARM",
        value_delimiter = ',',
        value_enum,
        help_heading = "Safety"
    )]
    skip_arms: Vec<ArmWord>,
    /// Ask each cell at least this often, and say how often it was refused.
    #[arg(long, value_name = "N", help_heading = "Checks")]
    repeat: Option<u16>,
}

impl CallOptions {
    /// The flags as the configuration reads them.
    pub(crate) fn flags(&self) -> CallFlags {
        CallFlags {
            observe_limit: self.observe_call_limit,
            traversal: self.probe_traversal,
            repeat: self.repeat,
            skip_arms: self.skip_arms.iter().map(|word| word.arm()).collect(),
        }
    }
}

/// Wrong credentials in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ArmWord {
    /// No token, beyond what discovery sends.
    Anonymous,
    /// Random characters.
    Garbage,
    /// Random characters in the form of a JWT.
    GarbageJwt,
    /// Altered copies of a valid token.
    Derived,
}

impl ArmWord {
    const fn arm(self) -> SkippedArm {
        match self {
            Self::Anonymous => SkippedArm::Anonymous,
            Self::Garbage => SkippedArm::Garbage,
            Self::GarbageJwt => SkippedArm::GarbageJwt,
            Self::Derived => SkippedArm::Derived,
        }
    }
}
