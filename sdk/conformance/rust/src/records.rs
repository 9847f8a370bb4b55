//! What the plugin does with records: checks, changes, scores, chooses and prints companies.

use mortise_sdk::prelude::*;

use crate::Company;

pub(crate) fn vat_number(cx: &Context, change: &Change<Company>) -> Result<Vec<Violation>, Fault> {
    let Some(company) = change.record() else { return Ok(Vec::new()) };
    let say = |english: &str, chinese: &str| if cx.chinese() { chinese } else { english }.to_owned();
    let number = company.vat_number();
    let before = change.before.as_ref().map(|before| before.vat_number().text());
    if company.type_().text() == "frozen" && before.is_some_and(|before| before != number.text()) {
        return Err(fault("vat.frozen", say("the number is frozen", "税号已锁定")));
    }
    let mut violations = Vec::new();
    if company.name().is_empty() {
        let message = say("a company has a name", "请填写公司名称");
        violations.push(Violation { field: None, code: "nameless".into(), message });
    }
    if number.is_empty() {
        violations.push(violation(
            Company::VAT_NUMBER,
            "vat_missing",
            say("the number is missing", "缺少税号"),
        ));
    } else if company.country_code().text() == "CN" && number.text().chars().count() != 18 {
        let message = say("a number in China has 18 characters", "中国税号应为 18 位");
        violations.push(violation(Company::VAT_NUMBER, "vat_length", message));
    }
    Ok(violations)
}

pub(crate) fn tidy(change: &Change<Company>) -> Verdict {
    let Some(company) = &change.after else { return Verdict::Proceed };
    let name = company.name().text();
    let tidied = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match tidied.as_str() {
        "refuse me" => {
            let why = Fault { retry: Retry::AfterMs(500), ..fault("name.refused", "no such name") };
            return Verdict::Reject(why);
        }
        // The host lets nothing through that the manifest does not name.
        "cheat" => {
            return Verdict::Change(Fields::default().with("vat_number", "stolen").into_inner());
        }
        _ => {}
    }
    let mut tags = company.tags().many().to_vec();
    tags.sort();
    tags.dedup();
    if tidied == name && tags == company.tags().many() && !company.rating().is_empty() {
        return Verdict::Proceed;
    }
    let fields = Fields::default()
        .with("name", tidied)
        .with("tags", tags)
        .with("rating", Value::Decimal("4.50".into()));
    Verdict::Change(fields.into_inner())
}

pub(crate) fn mirror(cx: &Context, change: &Change<Company>) -> Result<(), Fault> {
    let Some(company) = change.record() else { return Ok(()) };
    let text = format!("{} {}", change.op, company.name().text());
    cx.log().info(&text);
    let id = cx.records().create("note", &Fields::default().with("text", text).into_inner())?;
    cx.log().debug(format!("note {id}"));
    Ok(())
}

pub(crate) fn size(company: &Company) -> Score {
    let employees = company.employees().integer().unwrap_or(0) as f64;
    let turnover = company.turnover().number().unwrap_or(0.0);
    Score {
        value: employees / 10.0 + turnover / 1000.0,
        reasons: vec![
            Reason { text: "employees".into(), weight: employees / 10.0 },
            Reason { text: "turnover".into(), weight: turnover / 1000.0 },
        ],
    }
}

pub(crate) fn nearest(company: &Company, candidates: &[Candidate]) -> Option<String> {
    let country = company.country_code().text();
    let lives_there = |candidate: &&Candidate| {
        let fields = Fields::of(candidate.fields.clone());
        fields.get::<Vec<String>>("countries").unwrap_or_default().iter().any(|code| code == country)
    };
    candidates.iter().find(lives_there).map(|candidate| candidate.id.clone())
}

pub(crate) fn card(company: &Company, params: &Fields) -> Result<Document, Fault> {
    let name = company.name().text();
    if params.get::<bool>("logo") == Some(true) {
        let Some(Value::Bytes(logo)) = company.logo().value() else {
            return Err(fault("logo.missing", "there is no logo"));
        };
        let content = logo.clone();
        return Ok(Document {
            name: format!("{name}.bin"),
            media_type: "application/octet-stream".into(),
            content,
        });
    }
    let content = format!("# {name}\n").into_bytes();
    Ok(Document { name: format!("{name}.md"), media_type: "text/markdown".into(), content })
}
