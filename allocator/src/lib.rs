//! The allocator of the program: mimalloc, which packs the many small things of a plan tightly and hands them out fast.
//!
//! It stands beside the program because its settings are C functions: the program itself forbids unsafe code.
//!
//! Invariant: what is set is what the allocator goes by (test: `the_delay_is_set`).

pub use mimalloc::MiMalloc;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};
use std::ffi::c_long;
use std::time::Duration;

/// For how long the allocator keeps what nobody uses any more before the system gets it back.
///
/// <https://microsoft.github.io/mimalloc/group__options.html>
const PURGE_DELAY: mi_option_t = 15;

/// Gives memory back to the system when nobody has used it for so long, to the millisecond. The variable
/// `MIMALLOC_PURGE_DELAY` wins. To be called before there are other threads.
pub fn give_back_after(delay: Duration) {
    let millis = c_long::try_from(delay.as_millis()).unwrap_or(c_long::MAX);
    #[expect(unsafe_code, reason = "a setting of the allocator: a number written to its table of options")]
    unsafe {
        mi_option_set_default(PURGE_DELAY, millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: MiMalloc = MiMalloc;

    #[test]
    fn the_delay_is_set() {
        give_back_after(Duration::from_millis(70));
        #[expect(unsafe_code, reason = "a number read from the allocator's table of options")]
        let delay = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay, 70);
    }
}
