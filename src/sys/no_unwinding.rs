//! Stands in for libunwind in the shipped binary, where a panic aborts and the
//! unwind tables are left out (`.cargo/no-unwind-tables.ld`): nothing can be
//! unwound there. Without these the linker keeps libunwind for landing pads that
//! are never entered, and the standard library's whole reader of debug
//! information for backtraces that end where they begin: a twentieth of the
//! binary. A panic's message and place are printed as ever.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

/// "There is no further frame" (`_Unwind_Reason_Code` of the Itanium C++ ABI,
/// exception handling, section 1.1).
const END_OF_STACK: c_int = 5;

/// Walks no frame. With that the linker sees that nobody reads a backtrace.
// SAFETY: name and signature are the ABI's, and to end the walk before its
// first frame is one of its answers.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(
    _each: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
    _argument: *mut c_void,
) -> c_int {
    END_OF_STACK
}

/// What only an unwinder calls, or code it has entered.
macro_rules! never_called {
    ($($name:ident($($argument:ty),*) -> $answer:ty;)*) => {$(
        // SAFETY: name and signature are the ABI's. There is no unwinder that
        // could call it; if there were, it must not get further than here.
        #[unsafe(no_mangle)]
        extern "C" fn $name($(_: $argument),*) -> $answer {
            unreachable!("nothing is unwound")
        }
    )*};
}

never_called! {
    _Unwind_Resume(*mut c_void) -> !;
    _Unwind_GetLanguageSpecificData(*mut c_void) -> *const c_void;
    _Unwind_GetIP(*mut c_void) -> usize;
    _Unwind_GetCFA(*mut c_void) -> usize;
    _Unwind_FindEnclosingFunction(*mut c_void) -> *mut c_void;
    _Unwind_GetIPInfo(*mut c_void, *mut c_int) -> usize;
    _Unwind_GetRegionStart(*mut c_void) -> usize;
    _Unwind_GetTextRelBase(*mut c_void) -> usize;
    _Unwind_GetDataRelBase(*mut c_void) -> usize;
    _Unwind_SetGR(*mut c_void, c_int, usize) -> ();
    _Unwind_SetIP(*mut c_void, usize) -> ();
}
