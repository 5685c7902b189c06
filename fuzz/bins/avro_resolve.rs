//! See the function.

#![no_main]
#![allow(missing_docs, unsafe_code)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| transect_fuzz::targets::avro::resolve(data));
