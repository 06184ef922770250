//! Plain data that every stage, judge and renderer shares; no logic beyond invariants.

pub mod arguments;
pub mod audit;
pub mod authorization;
pub mod bypass;
pub mod client_documents;
pub mod consequence;
pub mod discovery;
pub mod doors;
pub mod exchange;
pub mod handles;
pub mod identity;
pub mod ladder;
pub mod login;
pub mod matrix;
pub mod place;
pub mod policy;
pub mod probe;
pub mod registration;
pub mod report;
pub mod settings;
pub mod surface;
pub mod target;
pub mod token_endpoint;
pub mod transport;
pub mod verdict;
