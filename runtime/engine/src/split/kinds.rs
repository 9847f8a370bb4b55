//! What words are by themselves: a person, an organisation, a position, an address. Lists of endings and of family names decide,
//! no statistics; where they say nothing, the words are of no kind.

use std::sync::LazyLock;

use regex::Regex;

use super::PieceKind;

/// The family names of nine in ten Chinese, and those of two characters.
const FAMILY: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强丘华车冉房边净窦";
const FAMILY_OF_TWO: [&str; 10] =
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐"];
/// What is said behind a name.
const ADDRESSED: &str = "先生|女士|小姐|老师|总经理|经理|总监|主任|院长|处长|科长|部长|局长|校长|所长|医生|大夫|教授|律师|博士|工程师|总|工|董";
/// What somebody is.
const POSITIONS: &str = "董事长|总经理|副总经理|副总裁|总裁|总监|经理|主管|主任|院长|副院长|处长|科长|部长|工程师|采购|负责人|助理|专员|医师|医生|教授|顾问|秘书";
/// How organisations end.
const ORGANISATIONS: &str = "公司|集团|医院|卫生院|诊所|学校|大学|学院|中学|小学|研究院|研究所|设计院|事务所|银行|中心|协会|学会|委员会|管理局|工厂|厂|商行|门诊部|合作社|经营部|工作室";

fn pattern(source: &str) -> Regex {
    Regex::new(source).expect("the patterns of this file are constant and valid")
}

static CHINESE_NAME: LazyLock<Regex> = LazyLock::new(|| {
    let two = FAMILY_OF_TWO.join("|");
    pattern(&format!(r"^(?:{two}|[{FAMILY}])\p{{Han}}{{0,2}}(?:\s*[（(]?(?:{ADDRESSED})[）)]?)?$"))
});
static FOREIGN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:Mr|Ms|Mrs|Dr|Prof)\.?\s+)?\p{Lu}[\p{L}'’-]*(?:\s+(?:(?:van|von|de|da|la|der|den)\s+)*\p{Lu}[\p{L}'’.-]*){1,3}$",
    )
});
static POSITION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)^(?:\p{{Han}}{{0,8}}(?:{POSITIONS})|(?:.{{0,40}}\b)?(?:CEO|CTO|CFO|COO|manager|director|engineer|head of .+|president|buyer|purchaser|consultant|assistant|officer|representative)\b.{{0,40}})$"
    ))
});
static ORGANISATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(?:(?:{ORGANISATIONS})(?:[（(][^（）()]*[）)])?$|(?:有限公司|集团|医院|大学)|\b(?:ltd|limited|inc|llc|gmbh|corp|corporation|plc|company|co\.|group|hospital|university|institute|bank|clinic|s\.a|b\.v|kg|ag)\b\.?)"
    ))
});
static LEGAL_FORM: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:有限公司|有限责任公司|股份公司|集团公司|医院|大学)"));
/// Parts of an address; two of them make one.
static ADDRESS_PART: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\p{Han}(?:省|自治区|市|区|县|旗|镇|乡|街道|开发区|路|大道|街|巷|弄|胡同|村|里)|\d+\s*(?:号|弄|楼|栋|幢|座|室|层|单元)|(?:大厦|广场|工业园|科技园|园区|小区|花园)",
    )
});
static FOREIGN_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:\d[\w-]*\s+(?:\w+\s+){0,4}(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|boulevard|blvd|square|way|court|place)\b|\b\w*(?:stra(?:ss|ß)e|str\.|platz|weg|allee)\s+\d|\b(?:floor|suite|room|building|unit|p\.?o\.? box)\s*\w*\d)",
    )
});

/// What these words are.
pub(super) fn of(words: &str) -> PieceKind {
    let words = words.trim();
    if is_address(words) {
        PieceKind::Address
    } else if ORGANISATION.is_match(words) {
        PieceKind::Organisation
    } else if CHINESE_NAME.is_match(words) {
        PieceKind::Person
    } else if POSITION.is_match(words) {
        PieceKind::Position
    } else if FOREIGN_NAME.is_match(words) {
        PieceKind::Person
    } else {
        PieceKind::Rest
    }
}

/// An organisation may have a region in its name, but it does not end in the number of a house.
fn is_address(words: &str) -> bool {
    let parts = ADDRESS_PART.find_iter(words).count();
    let housed = words.ends_with(['号', '室', '楼', '层', '栋', '座', '弄'])
        && words.contains(|c: char| c.is_ascii_digit());
    let named = LEGAL_FORM.find_iter(words).last().is_some_and(|form| form.end() == words.len());
    FOREIGN_ADDRESS.is_match(words) || !named && (housed || parts >= 2)
}

/// Whether words are written as Chinese is: spaces separate things.
pub(super) fn is_chinese(words: &str) -> bool {
    words.chars().any(|letter| ('\u{3400}'..='\u{9FFF}').contains(&letter))
}

/// Where a name begins right behind an organisation: 明德医疗器械有限公司王小明.
pub(super) fn name_behind_organisation(words: &str) -> Option<usize> {
    let end = LEGAL_FORM.find_iter(words).last()?.end();
    let behind = words[end..].trim();
    (!behind.is_empty() && CHINESE_NAME.is_match(behind)).then_some(end)
}

/// Where a position begins right behind a name: 李静 采购经理 stands apart already, 李静采购经理 does not.
pub(super) fn position_behind_name(words: &str) -> Option<usize> {
    if CHINESE_NAME.is_match(words) || !POSITION.is_match(words) || !is_chinese(words) {
        return None;
    }
    // Three characters are more often a name than two.
    [3, 2].into_iter().find_map(|letters| {
        let (end, _) = words.char_indices().nth(letters)?;
        let (name, position) = words.split_at(end);
        let known = POSITION.is_match(position) && position.chars().count() >= 2;
        (CHINESE_NAME.is_match(name) && known).then_some(end)
    })
}
