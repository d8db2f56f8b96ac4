//! The builder that joins data, objective, code, fleet, method and observers.
