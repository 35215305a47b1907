//! Regions: clients send `westeurope`, and some providers answer `West Europe`.

pub(crate) const NAMES: [&str; 24] = [
    "West Europe",
    "North Europe",
    "East US",
    "East US 2",
    "West US",
    "West US 2",
    "West US 3",
    "Central US",
    "South Central US",
    "North Central US",
    "West Central US",
    "UK South",
    "UK West",
    "France Central",
    "Germany West Central",
    "Switzerland North",
    "Norway East",
    "Sweden Central",
    "Australia East",
    "Southeast Asia",
    "East Asia",
    "Japan East",
    "Brazil South",
    "Canada Central",
];

/// As clients send it: lower case, no spaces.
pub(crate) fn bare(location: &str) -> String {
    location.to_ascii_lowercase().replace(' ', "")
}

/// As people read it, where the region is known.
pub(crate) fn display_name(location: &str) -> String {
    let wanted = bare(location);
    NAMES.iter().find(|name| bare(name) == wanted).map_or_else(|| location.to_owned(), |name| (*name).to_owned())
}
