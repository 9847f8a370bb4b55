//! Which column of a file belongs to which field: by name, label, usual synonyms, and at last by similarity.
//! A guess is only a proposal; people see it before anything is imported.

use mortise_definition::model::{EntityModel, FieldKind, FieldModel, Slot, system};

use crate::values::comparable;

/// Score from which a guess is better than none.
const GOOD_ENOUGH: f64 = 0.6;

/// Usual headings of fields whose type says what they hold. They count where a record has one such field only.
const PHONE: &[&str] = &[
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "phonenumber",
    "mobilephone",
    "手机",
    "手机号",
    "手机号码",
    "电话",
    "电话号码",
    "联系电话",
    "联系方式",
    "座机",
];
const EMAIL: &[&str] = &["email", "mail", "emailaddress", "邮箱", "邮件", "电子邮箱", "电子邮件", "邮箱地址"];
const URL: &[&str] = &["url", "website", "homepage", "web", "site", "网址", "网站", "官网", "主页"];
const REGION: &[&str] = &[
    "region",
    "city",
    "province",
    "area",
    "location",
    "地区",
    "区域",
    "城市",
    "省份",
    "省市",
    "省市区",
    "所在地",
    "所在地区",
    "所在城市",
];
const OWNER: &[&str] = &[
    "owner",
    "assignedto",
    "assignee",
    "responsible",
    "负责人",
    "所有人",
    "归属人",
    "跟进人",
    "责任人",
    "所有者",
];
const TITLE: &[&str] = &["name", "title", "fullname", "姓名", "名字", "名称", "标题"];
const ID: &[&str] = &["id", "recordid", "记录id", "系统编号"];

/// The proposed slot for every column.
pub fn guess_columns(entity: &EntityModel, headers: &[String]) -> Vec<Option<Slot>> {
    let fields: Vec<&FieldModel> = entity.fields.iter().filter(|field| importable(field)).collect();
    let mut scores: Vec<(f64, usize, Slot)> = Vec::new();
    for (column, header) in headers.iter().enumerate() {
        let header = heading(header);
        if header.is_empty() {
            continue;
        }
        for field in &fields {
            let score = score(entity, &fields, field, &header);
            if score >= GOOD_ENOUGH {
                scores.push((score, column, field.slot));
            }
        }
    }
    // Best first; of equals the leftmost column and the first field.
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut guessed = vec![None; headers.len()];
    for (_, column, slot) in scores {
        if guessed[column].is_none() && !guessed.contains(&Some(slot)) {
            guessed[column] = Some(slot);
        }
    }
    guessed
}

/// Whether a column may be assigned to a field. Id and number are no values to write, but name the record to update.
pub fn importable(field: &FieldModel) -> bool {
    names_record(field)
        || (field.writable()
            && field.stored()
            && !matches!(field.kind, FieldKind::File { .. } | FieldKind::System))
}

/// Fields that the system gives and that name one record.
pub(super) fn names_record(field: &FieldModel) -> bool {
    field.slot == system::ID || matches!(field.kind, FieldKind::Autonumber { .. })
}

/// Whether existing records can be found by a field.
pub fn can_be_key(field: &FieldModel) -> bool {
    let findable = matches!(
        field.kind,
        FieldKind::Text { .. }
            | FieldKind::Integer { .. }
            | FieldKind::Phone
            | FieldKind::Email
            | FieldKind::Url
    );
    names_record(field) || findable
}

/// A heading or label in the form in which they are compared: no width, case, separators, remarks in brackets.
fn heading(text: &str) -> String {
    let folded = comparable(text);
    let folded = folded.replace(['（', '【'], "(").replace(['）', '】'], ")");
    let bare = match (folded.find('('), folded.rfind(')')) {
        (Some(open), Some(close)) if open > 0 && close > open => {
            format!("{}{}", &folded[..open], &folded[close + 1..])
        }
        _ => folded,
    };
    bare.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn score(entity: &EntityModel, fields: &[&FieldModel], field: &FieldModel, header: &str) -> f64 {
    if field.slot == system::ID {
        return if ID.contains(&header) { 1.0 } else { 0.0 };
    }
    let names: Vec<String> = field
        .label
        .all()
        .chain([&*field.name, field.id.as_str()])
        .map(heading)
        .filter(|n| !n.is_empty())
        .collect();
    if names.iter().any(|name| name == header) {
        return 1.0;
    }
    if synonyms(entity, fields, field).is_some_and(|words| words.contains(&header)) {
        return 0.9;
    }
    let close = names.iter().map(|name| likeness(name, header));
    close.fold(0.0, f64::max)
}

/// How alike a label and a heading are; one that contains the other is a good sign when it is most of it.
fn likeness(name: &str, header: &str) -> f64 {
    let alike = mortise_expr::similarity(name, header);
    let (short, long) = if name.len() < header.len() { (name, header) } else { (header, name) };
    let contained = short.chars().count() >= 2 && long.contains(short);
    let share = short.chars().count() as f64 / long.chars().count() as f64;
    let contained = if contained { 0.5 + share * 0.3 } else { 0.0 };
    // Never as sure as the same words.
    (alike * 0.85).max(contained)
}

fn synonyms(
    entity: &EntityModel,
    fields: &[&FieldModel],
    field: &FieldModel,
) -> Option<&'static [&'static str]> {
    let only = |same: fn(&FieldKind) -> bool| {
        fields.iter().filter(|other| other.slot >= system::FIRST && same(&other.kind)).count() == 1
    };
    if field.slot == system::OWNER {
        return Some(OWNER);
    }
    if field.slot == entity.title {
        return Some(TITLE);
    }
    match &field.kind {
        FieldKind::Phone if only(|kind| matches!(kind, FieldKind::Phone)) => Some(PHONE),
        FieldKind::Email if only(|kind| matches!(kind, FieldKind::Email)) => Some(EMAIL),
        FieldKind::Url if only(|kind| matches!(kind, FieldKind::Url)) => Some(URL),
        FieldKind::Tree { region: true, .. }
            if only(|kind| matches!(kind, FieldKind::Tree { region: true, .. })) =>
        {
            Some(REGION)
        }
        _ => None,
    }
}
