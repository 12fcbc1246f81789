//! Members by their own numbers: quantiles between two scrapes, who is slow
//! compared with the others, and whether too little was written to tell.

mod member_numbers;
pub(super) mod pace;
mod quiet;
mod slow_voter;
mod spreads;

pub use member_numbers::member_numbers;
pub use quiet::{WriteThrough, write_through};
pub use slow_voter::slow_voter;
pub use spreads::{between, since_start};
