//! Words before a piece that say what it is: “电话：”, “Tel.”, “Name:”.

use std::sync::LazyLock;

use regex::Regex;

use super::PieceKind;

/// What people write before what; the longest that fits counts. Without a kind the words behind say what they are.
const LABELS: [(Option<PieceKind>, &str); 8] = [
    (
        Some(PieceKind::Person),
        "姓名|名字|名称|联系人|收件人|收货人|称呼|contact person|contact name|full name|contact|name|attn",
    ),
    (
        Some(PieceKind::Organisation),
        "公司名称|公司|单位名称|单位|工作单位|企业|机构|医院|学校|company name|company|organisation|organization|employer|firm",
    ),
    (Some(PieceKind::Position), "职位|职务|职称|岗位|job title|title|position|role"),
    (
        Some(PieceKind::Address),
        "详细地址|收货地址|公司地址|联系地址|所在地区|地址|地区|住址|address|location|addr",
    ),
    (
        None,
        "手机号码|手机号|手机|电话号码|联系电话|联系方式|电话|座机|办公电话|telephone|mobile phone|mobile|phone|tel|cell|fax|传真",
    ),
    (None, "电子邮箱|电子邮件|邮箱|邮件|e-mail|email|mail"),
    (None, "公司网址|官网|网址|网站|website|web|url"),
    (
        Some(PieceKind::Rest),
        "备注|说明|需求|留言|微信号|微信|note|notes|remarks|wechat|requirement|requirements|needs|need",
    ),
];

static PATTERNS: LazyLock<Vec<(Option<PieceKind>, Regex)>> = LazyLock::new(|| {
    let pattern = |words: &str, alone: &str| {
        // A mark must follow; behind Chinese words a space is enough. A number that follows is taken already, so that words for
        // numbers may stand alone.
        let latin: Vec<&str> = words.split('|').filter(|word| word.is_ascii()).collect();
        let chinese: Vec<&str> = words.split('|').filter(|word| !word.is_ascii()).collect();
        let or = |words: &[&str]| if words.is_empty() { "[^\\s\\S]".to_owned() } else { words.join("|") };
        let source = format!(
            "(?i)^(?:(?:{})(?:\\s*[.]?\\s*[:：]{alone})|(?:{})(?:\\s*[:：]|[ \\u{{3000}}]+{alone}))",
            or(&latin),
            or(&chinese)
        );
        Regex::new(&source).expect("labels are plain words")
    };
    let alone = |kind: Option<PieceKind>| if kind.is_none() { "|\\s*[.]?$" } else { "" };
    LABELS.iter().map(|(kind, words)| (*kind, pattern(words, alone(*kind)))).collect()
});

/// What a segment says about itself, and how many bytes that takes. The kind is missing where the words behind tell.
pub(super) fn of(segment: &str) -> Option<(Option<PieceKind>, usize)> {
    let found = PATTERNS.iter().filter_map(|(kind, pattern)| Some((*kind, pattern.find(segment)?.end())));
    found.max_by_key(|(_, length)| *length)
}
