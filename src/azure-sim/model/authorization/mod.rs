//! Microsoft.Authorization: who may do what, and what nobody may do while it is locked.

pub(crate) mod locks;
pub(crate) mod roles;

pub(crate) use roles::Roles;
