//! The functions that expressions can call, with what they do in a sentence each. Every function can be written
//! in front (`size(record.name)`) or behind its first argument (`record.name.size()`).

/// A function as documented for people who write expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The name.
    pub name: &'static str,
    /// How a call looks, with the result.
    pub form: &'static str,
    /// What it does, in English.
    pub en: &'static str,
    /// What it does, in Chinese.
    pub zh_cn: &'static str,
    /// Whether it can be used where an expression becomes a database condition on columns.
    pub sql: bool,
}

macro_rules! catalog {
    ($($name:literal $form:literal $sql:literal $en:literal $zh:literal;)*) => {
        /// All functions, in the order in which the documentation lists them.
        pub const CATALOG: &[FunctionInfo] =
            &[$(FunctionInfo { name: $name, form: $form, en: $en, zh_cn: $zh, sql: $sql }),*];
    };
}

catalog! {
    "coalesce" "coalesce(a, b, …)" true "The first value that is not empty." "第一个不为空的值。";
    "has" "has(record.x) → bool" true "Whether the field has a value." "字段是否有值。";
    "size" "size(text or list) → int" true "Number of characters or of items." "字符数或列表项数。";
    "contains" "text.contains(part) → bool" true "Whether the text contains the part." "文本是否包含指定内容。";
    "startsWith" "text.startsWith(start) → bool" true "Whether the text begins so." "文本是否以指定内容开头。";
    "endsWith" "text.endsWith(end) → bool" true "Whether the text ends so." "文本是否以指定内容结尾。";
    "matches" "text.matches(pattern) → bool" false "Whether a regular expression matches somewhere in the text." "文本中是否有内容匹配正则表达式。";
    "lowerAscii" "text.lowerAscii() → text" true "The letters A to Z as small letters." "将字母 A–Z 转为小写。";
    "upperAscii" "text.upperAscii() → text" true "The letters a to z as capitals." "将字母 a–z 转为大写。";
    "trim" "text.trim() → text" false "Without spaces at both ends." "去掉首尾空白。";
    "substring" "text.substring(from, to) → text" false "The characters from one position (counted from 0) up to, not including, another; to the end without the second." "从某位置（从 0 计）到另一位置之前的字符；省略第二个参数则取到末尾。";
    "replace" "text.replace(old, new) → text" false "With every occurrence of a text replaced." "替换文本中的所有指定内容。";
    "string" "string(x) → text" false "Any value as plain text." "将任意值转为文本。";
    "int" "int(x) → int" false "A number without its fraction, or the number in a text; empty if there is none." "去掉小数部分的整数，或文本中的整数；无法识别时为空。";
    "decimal" "decimal(x, scale) → decimal" false "A number or the number in a text, rounded to so many places; empty if there is none." "将数字或文本转为指定小数位数的数值；无法识别时为空。";
    "float" "float(x) → float" false "A number as a floating point number." "将数字转为浮点数。";
    "abs" "abs(x)" false "Without the sign." "绝对值。";
    "min" "min(a, b, …)" false "The smallest of the values that are not empty; also of a list." "非空值中的最小值，也可用于列表。";
    "max" "max(a, b, …)" false "The largest of the values that are not empty; also of a list." "非空值中的最大值，也可用于列表。";
    "round" "round(x) → int, round(x, places) → decimal" false "Rounded, half away from zero." "四舍五入。";
    "floor" "floor(x) → int" false "Rounded down." "向下取整。";
    "ceil" "ceil(x) → int" false "Rounded up." "向上取整。";
    "now" "now() → datetime" true "This moment." "当前时刻。";
    "today" "today() → date" true "Today in the tenant's zone." "租户时区的今天。";
    "date" "date(datetime or text) → date" true "The local day of a moment, or the day written as 2026-03-01." "某时刻在本地时区的日期，或形如 2026-03-01 的文本日期。";
    "datetime" "datetime(text) → datetime" false "The moment written as 2026-03-01T08:00:00+08:00." "形如 2026-03-01T08:00:00+08:00 的文本时刻。";
    "days" "days(n) → duration" true "So many days of 24 hours." "若干天（每天 24 小时）。";
    "hours" "hours(n) → duration" true "So many hours." "若干小时。";
    "minutes" "minutes(n) → duration" true "So many minutes." "若干分钟。";
    "days_between" "days_between(a, b) → int" true "Days from the first date to the second; negative if the second is earlier." "从第一个日期到第二个日期的天数；第二个更早时为负。";
    "year" "year(x) → int" true "The year of a date or of a moment's local day." "日期或时刻（本地时区）的年份。";
    "month" "month(x) → int" true "The month, 1 to 12." "月份（1–12）。";
    "day" "day(x) → int" true "The day of the month, 1 to 31." "当月第几天（1–31）。";
    "weekday" "weekday(x) → int" true "The day of the week: 1 is Monday, 7 is Sunday." "星期几（1 为星期一，7 为星期日）。";
    "hour" "hour(datetime) → int" true "The local hour, 0 to 23." "本地时区的小时（0–23）。";
    "distance_km" "distance_km(a, b) → float" false "Kilometres between two places as the crow flies." "两地之间的直线距离（公里）。";
    "similarity" "similarity(a, b) → float" false "How alike two texts are, from 0 to 1; case, width, spaces and punctuation do not count." "两段文本的相似度（0–1），不计大小写、全半角、空格和标点。";
    "under" "under(path, ancestor) → bool" true "Whether a tree code such as 31/0115 is the ancestor or lies below it." "树形编码（如 31/0115）是否等于上级编码或位于其下。";
    "ip_key" "ip_key(text) → text" false "An IP address as text that sorts as addresses do, for ranges of addresses; empty if it is none." "将 IP 地址转为可比较大小的文本，用于地址段匹配；不是 IP 地址时为空。";
    "exists" "list.exists(x, condition) → bool" false "Whether the condition holds for some item." "是否有任一项满足条件。";
    "all" "list.all(x, condition) → bool" false "Whether the condition holds for every item." "是否每一项都满足条件。";
    "exists_one" "list.exists_one(x, condition) → bool" false "Whether the condition holds for exactly one item." "是否恰有一项满足条件。";
    "filter" "list.filter(x, condition) → list" false "The items for which the condition holds." "满足条件的各项。";
    "map" "list.map(x, value) → list" false "What becomes of each item." "对每一项计算后的列表。";
}
