//! Carries a publication to every node. Today there is one node, so it goes straight to the `deliver` function that
//! the broker is handed; the broker does not know the router.

mod memory;

pub use memory::Memory;
