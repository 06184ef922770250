//! What can be wrong with the proof that a bound token goes out with (RFC 9449).

/// A flaw of one proof, planted on purpose; everything else about the request is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofFlaw {
    /// The token goes out as `Bearer`, without a proof.
    Bearer,
    /// The token goes out under its own scheme, without a proof.
    Missing,
    /// The proof is another key's.
    OtherKey,
    /// The proof names the right key, and another one signed it.
    OtherSignature,
    /// The proof has no signature.
    Unsigned,
    /// The proof is typed as an ordinary JWT.
    OtherType,
    /// The proof is for another method.
    OtherMethod,
    /// The proof is for another address.
    OtherUrl,
    /// The proof is for another token.
    OtherToken,
    /// The proof is for no token.
    NoToken,
    /// The request has two proofs.
    Twice,
    /// The proof is an hour old.
    Old,
    /// The proof was used before.
    Replayed,
}

impl ProofFlaw {
    /// Every one, in the order in which they are tried: the replay follows a good request.
    pub const ALL: [Self; 13] = [
        Self::Replayed,
        Self::Bearer,
        Self::Missing,
        Self::OtherKey,
        Self::OtherSignature,
        Self::Unsigned,
        Self::OtherType,
        Self::OtherMethod,
        Self::OtherUrl,
        Self::OtherToken,
        Self::NoToken,
        Self::Twice,
        Self::Old,
    ];

    /// The word in evidence and findings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Missing => "no-proof",
            Self::OtherKey => "other-key",
            Self::OtherSignature => "other-signature",
            Self::Unsigned => "unsigned",
            Self::OtherType => "other-type",
            Self::OtherMethod => "other-method",
            Self::OtherUrl => "other-url",
            Self::OtherToken => "other-token",
            Self::NoToken => "no-token",
            Self::Twice => "two-proofs",
            Self::Old => "old",
            Self::Replayed => "replayed",
        }
    }

    /// The flaw with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flaw| flaw.as_str() == word)
    }

    /// How the token was sent, to follow "the token of `x` opened a list".
    pub const fn told(self) -> &'static str {
        match self {
            Self::Bearer => "as Bearer without a proof",
            Self::Missing => "as DPoP without a proof",
            Self::OtherKey => "with a proof of another key than the token names",
            Self::OtherSignature => "with a proof that another key signed than it names",
            Self::Unsigned => "with a proof whose `alg` is `none`",
            Self::OtherType => "with a proof whose `typ` is `JWT`",
            Self::OtherMethod => "with a proof for another method (`htm`)",
            Self::OtherUrl => "with a proof for another address (`htu`)",
            Self::OtherToken => "with a proof for another token (`ath`)",
            Self::NoToken => "with a proof that names no token (`ath`)",
            Self::Twice => "with two proofs",
            Self::Old => "with a proof that was made an hour ago (`iat`)",
            Self::Replayed => "with a proof that was used before (`jti`)",
        }
    }

    /// The clause of RFC 9449 that forbids it, or speaks of it.
    pub const fn clause(self) -> &'static str {
        match self {
            Self::Bearer => "RFC 9449 §7.2",
            Self::Missing | Self::OtherKey => "RFC 9449 §7.1",
            Self::Replayed => "RFC 9449 §11.1",
            _ => "RFC 9449 §4.3",
        }
    }

    /// Whether no proof comes with the token at all.
    pub const fn is_without_proof(self) -> bool {
        matches!(self, Self::Bearer | Self::Missing)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_flaw_has_a_word_of_its_own_that_leads_back_to_it() {
        let words: BTreeSet<&str> = ProofFlaw::ALL.iter().map(|flaw| flaw.as_str()).collect();
        assert_eq!(words.len(), ProofFlaw::ALL.len());
        for flaw in ProofFlaw::ALL {
            assert_eq!(ProofFlaw::named(flaw.as_str()), Some(flaw));
        }
        assert_eq!(ProofFlaw::named("sound"), None);
    }
}
