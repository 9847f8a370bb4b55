//! A page of a list as JSON, written without a tree in between: this is the hottest path of the API.

use mortise_definition::model::{EntityModel, Slot};

use super::{Page, asked};
use crate::commands::Work;
use crate::query::Query;
use crate::records;

/// Writes a page as JSON.
pub(crate) fn write_page(work: &Work, entity: &EntityModel, query: &Query, page: &Page) -> Vec<u8> {
    let slots = shown(work, entity, query);
    let mut json = Vec::with_capacity(page.rows.len() * 400 + 64);
    json.extend_from_slice(b"{\"rows\":[");
    for (index, record) in page.rows.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        records::write_record(work, entity, record, &slots, &mut json);
    }
    json.extend_from_slice(b"],\"next\":");
    match &page.next {
        Some(cursor) => json.extend_from_slice(format!("\"{cursor}\"").as_bytes()),
        None => json.extend_from_slice(b"null"),
    }
    if let Some(cursor) = &page.previous {
        json.extend_from_slice(format!(",\"previous\":\"{cursor}\"").as_bytes());
    }
    if let Some(total) = page.total {
        let total = format!(",\"total\":{},\"total_exact\":{}", total.count, total.exact);
        json.extend_from_slice(total.as_bytes());
    }
    json.push(b'}');
    json
}

/// Columns of the answer as JSON: those of the view or those asked for, with id and version.
fn shown(work: &Work, entity: &EntityModel, query: &Query) -> Vec<Slot> {
    match (&query.columns, &query.view) {
        (None, None) => work.published.layout.tables[entity.index].stored.clone(),
        _ => asked(work, entity, query, &query.sort),
    }
}
