//! JSON text, written.

/// Appends UTF-8 as a JSON string. Bytes that are none become the replacement character; whoever calls has looked before.
pub(super) fn write_string(bytes: &[u8], out: &mut Vec<u8>) {
    // Writing a string into memory can't fail.
    let _ = serde_json::to_writer(out, &String::from_utf8_lossy(bytes));
}
