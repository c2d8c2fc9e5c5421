//! Failed calls by access key, straight from archives: `cargo run --example failed_calls -- data/sample`.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use trailmill::reader::{ReadOptions, Reader};
use trailmill::schema::Table;

fn main() -> trailmill::Result<()> {
    let options = ReadOptions::new(std::env::args_os().skip(1))
        .columns(Table::Events, ["user_identity_access_key_id", "event_name", "error_code"]);
    let mut reader = Reader::new(&options)?;
    let mut failed: BTreeMap<(String, String), u64> = BTreeMap::new();
    for batch in &mut reader {
        let rows = batch?.rows;
        let text = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let columns = (text("user_identity_access_key_id"), text("event_name"), text("error_code"));
        let (Some(keys), Some(names), Some(errors)) = columns else { continue };
        for row in (0..rows.num_rows()).filter(|row| errors.is_valid(*row) && keys.is_valid(*row)) {
            *failed.entry((keys.value(row).to_owned(), names.value(row).to_owned())).or_default() += 1;
        }
    }
    for ((key, name), calls) in failed {
        println!("{key} {name} {calls}");
    }
    let counts = reader.finish()?;
    println!("{} events read, {} refused", counts.events.written, counts.events.quarantined);
    Ok(())
}
