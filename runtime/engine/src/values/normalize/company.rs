//! Names of companies without what says nothing about which company it is: legal form, region, brackets, case, width.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::values::fold;

/// Legal forms and kinds of organisation at the end of Chinese names, longest first.
const CHINESE_FORMS: [&str; 16] = [
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "有限合伙企业",
    "有限公司",
    "集团公司",
    "股份公司",
    "普通合伙",
    "有限合伙",
    "分公司",
    "总公司",
    "子公司",
    "公司",
    "集团",
    "股份",
    "控股",
];

/// Legal forms of other countries, as words at the end of a name.
const FOREIGN_FORMS: [&str; 44] = [
    "co",
    "ltd",
    "limited",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "company",
    "gmbh",
    "mbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "ug",
    "ev",
    "sa",
    "sas",
    "sarl",
    "srl",
    "spa",
    "bv",
    "nv",
    "oy",
    "oyj",
    "ab",
    "as",
    "aps",
    "plc",
    "llc",
    "llp",
    "lp",
    "pte",
    "pty",
    "sdn",
    "bhd",
    "kk",
    "group",
    "holding",
    "holdings",
    "und",
    "and",
    "&",
    "the",
];

/// Provinces with their cities, without 省 and 市. A name begins with one, or has it in brackets.
const REGIONS: [(&str, &str); 34] = [
    ("北京", ""),
    ("上海", ""),
    ("天津", ""),
    ("重庆", ""),
    ("河北", "石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 雄安"),
    ("山西", "太原 大同 阳泉 长治 晋城 朔州 晋中 运城 忻州 临汾 吕梁"),
    ("内蒙古", "呼和浩特 包头 乌海 赤峰 通辽 鄂尔多斯 呼伦贝尔 巴彦淖尔 乌兰察布"),
    ("辽宁", "沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 阜新 辽阳 盘锦 铁岭 朝阳 葫芦岛"),
    ("吉林", "长春 四平 辽源 通化 白山 松原 白城 延边"),
    ("黑龙江", "哈尔滨 齐齐哈尔 鸡西 鹤岗 双鸭山 大庆 伊春 佳木斯 七台河 牡丹江 黑河 绥化"),
    ("江苏", "南京 无锡 徐州 常州 苏州 南通 连云港 淮安 盐城 扬州 镇江 泰州 宿迁 昆山 江阴 张家港 常熟 太仓"),
    ("浙江", "杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 义乌 慈溪 余姚"),
    ("安徽", "合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 黄山 滁州 阜阳 宿州 六安 亳州 池州 宣城"),
    ("福建", "福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 晋江"),
    ("江西", "南昌 景德镇 萍乡 九江 新余 鹰潭 赣州 吉安 宜春 抚州 上饶"),
    ("山东", "济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 泰安 威海 日照 临沂 德州 聊城 滨州 菏泽"),
    ("河南", "郑州 开封 洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 漯河 三门峡 南阳 商丘 信阳 周口 驻马店"),
    ("湖北", "武汉 黄石 十堰 宜昌 襄阳 鄂州 荆门 孝感 荆州 黄冈 咸宁 随州 恩施"),
    ("湖南", "长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 郴州 永州 怀化 娄底"),
    (
        "广东",
        "广州 深圳 珠海 汕头 佛山 韶关 湛江 肇庆 江门 茂名 惠州 梅州 汕尾 河源 阳江 清远 东莞 中山 潮州 揭阳 云浮",
    ),
    ("广西", "南宁 柳州 桂林 梧州 北海 防城港 钦州 贵港 玉林 百色 贺州 河池 来宾 崇左"),
    ("海南", "海口 三亚 三沙 儋州"),
    ("四川", "成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中 资阳"),
    ("贵州", "贵阳 六盘水 遵义 安顺 毕节 铜仁"),
    ("云南", "昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 大理"),
    ("西藏", "拉萨 日喀则 昌都 林芝"),
    ("陕西", "西安 铜川 宝鸡 咸阳 渭南 延安 汉中 榆林 安康 商洛"),
    ("甘肃", "兰州 嘉峪关 金昌 白银 天水 武威 张掖 平凉 酒泉 庆阳 定西 陇南"),
    ("青海", "西宁 海东"),
    ("宁夏", "银川 石嘴山 吴忠 固原 中卫"),
    ("新疆", "乌鲁木齐 克拉玛依 吐鲁番 哈密 昌吉 伊犁 喀什"),
    ("香港", ""),
    ("澳门", ""),
    ("台湾", "台北 高雄 台中 台南 新竹"),
];

/// Endings of a region's name, longest first.
const REGION_ENDINGS: [&str; 9] =
    ["维吾尔自治区", "壮族自治区", "回族自治区", "特别行政区", "自治区", "新区", "省", "市", "区"];

/// Letters that must be left after a region was taken off, for a name to be still a name: 上海银行 is not 银行.
const CORE_MIN: usize = 3;

/// A company's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyName {
    /// What is left: lower case, single spaces between words.
    pub core: String,
    /// Where the company says that it is.
    pub region: Region,
}

/// Province and city, as positions in the table; both may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Region {
    province: Option<usize>,
    city: Option<&'static str>,
}

impl Region {
    /// True when two names say different places; a place and an unknown one, or a city and its province, do not.
    pub fn conflicts(self, other: Region) -> bool {
        let differ = |a: Option<&str>, b: Option<&str>| matches!((a, b), (Some(a), Some(b)) if a != b);
        matches!((self.province, other.province), (Some(a), Some(b)) if a != b)
            || differ(self.city, other.city)
    }
}

/// Takes legal form and region off a company's name. Whatever is taken, a name never becomes empty.
pub fn company_name(text: &str) -> CompanyName {
    let folded: String = text.chars().map(fold::fold).flat_map(char::to_lowercase).collect();
    let mut region = Region::default();
    let opened = without_brackets(&folded, &mut region);
    let words: Vec<&str> =
        opened.split(|c: char| !(c.is_alphanumeric() || c == '&')).filter(|word| !word.is_empty()).collect();
    let joined = without_foreign_forms(&words).join(" ");
    let mut core = strip_forms(&joined);
    core = strip_region(core, &mut region);
    core = strip_region(core, &mut region);
    // 恒远机械浙江分公司: behind the form stands the region.
    core = strip_forms(core);
    CompanyName { core: core.trim().to_owned(), region }
}

/// Takes out brackets that hold a region, a legal form or 中国; opens all others.
fn without_brackets(text: &str, region: &mut Region) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['(', '[', '【', '〔']) {
        let (before, bracket) = rest.split_at(open);
        kept.push_str(before);
        let close = bracket.find([')', ']', '】', '〕']).unwrap_or(bracket.len());
        let inner = bracket[..close].trim_start_matches(['(', '[', '【', '〔']).trim();
        if !is_form(inner) && inner != "中国" && !take_whole_region(inner, region) {
            kept.push(' ');
            kept.push_str(inner);
            kept.push(' ');
        }
        rest = bracket[close..].trim_start_matches([')', ']', '】', '〕']);
    }
    kept.push_str(rest);
    if kept.trim().is_empty() { text.to_owned() } else { kept }
}

fn is_form(text: &str) -> bool {
    CHINESE_FORMS.contains(&text) || FOREIGN_FORMS.contains(&text)
}

fn take_whole_region(text: &str, region: &mut Region) -> bool {
    let mut rest = text;
    let mut found = *region;
    while let Some((next, after)) = leading_region(rest) {
        found = merged(found, next);
        rest = after;
    }
    let whole = rest.is_empty() && rest.len() < text.len();
    if whole {
        *region = found;
    }
    whole
}

fn without_foreign_forms<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    let end =
        words.iter().rposition(|word| !FOREIGN_FORMS.contains(word)).map_or(words.len(), |last| last + 1);
    &words[..end]
}

fn strip_forms(text: &str) -> &str {
    let mut rest = text.trim();
    while let Some(shorter) = CHINESE_FORMS.iter().find_map(|form| rest.strip_suffix(form)) {
        let shorter = shorter.trim_end();
        if shorter.chars().count() < 2 {
            break;
        }
        rest = shorter;
    }
    rest
}

/// Takes one region off the beginning of a name.
fn strip_region<'a>(text: &'a str, region: &mut Region) -> &'a str {
    match leading_region(text.trim_start()) {
        Some((found, rest)) if rest.chars().filter(|c| c.is_alphanumeric()).count() >= CORE_MIN => {
            *region = merged(*region, found);
            rest.trim_start()
        }
        // Too short to be told apart without it: keep it in the name.
        _ => text,
    }
}

fn merged(known: Region, found: Region) -> Region {
    Region { province: known.province.or(found.province), city: known.city.or(found.city) }
}

/// The region at the beginning of a text, and the text behind it.
fn leading_region(text: &str) -> Option<(Region, &str)> {
    let first = text.chars().next()?;
    let (name, region) = regions().get(&first)?.iter().find(|(name, _)| text.starts_with(name))?;
    Some((*region, without_ending(&text[name.len()..])))
}

/// Regions by the first letter of their name.
fn regions() -> &'static HashMap<char, Vec<(&'static str, Region)>> {
    static BY_LETTER: LazyLock<HashMap<char, Vec<(&str, Region)>>> = LazyLock::new(|| {
        let mut by_letter: HashMap<char, Vec<(&str, Region)>> = HashMap::new();
        for (province, (name, cities)) in REGIONS.iter().enumerate() {
            let whole = (*name, Region { province: Some(province), city: None });
            let city = |city| (city, Region { province: Some(province), city: Some(city) });
            for (name, region) in [whole].into_iter().chain(cities.split_ascii_whitespace().map(city)) {
                by_letter.entry(name.chars().next().unwrap_or_default()).or_default().push((name, region));
            }
        }
        by_letter
    });
    &BY_LETTER
}

fn without_ending(rest: &str) -> &str {
    REGION_ENDINGS.iter().find_map(|ending| rest.strip_prefix(ending)).unwrap_or(rest)
}
