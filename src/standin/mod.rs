//! The built-in Extend for `demo` and for the tests.
