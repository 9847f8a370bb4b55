//! What diagnostics say in Chinese, made from their reasons and details. A test holds that none is left out.

use crate::{Diagnostic, NESTING_LIMIT, SCALE_LIMIT, SOURCE_LIMIT};

/// The Chinese message of a diagnostic; `None` for a reason that is not known here.
pub(crate) fn message(diagnostic: &Diagnostic) -> Option<String> {
    let reason = diagnostic.get("reason").unwrap_or_default();
    match diagnostic.code {
        "expr.syntax" => syntax(reason, diagnostic),
        "expr.limit" => limit(reason),
        "expr.unknown_name" => Some(unknown_name(diagnostic)),
        "expr.type" => type_error(reason, diagnostic),
        "expr.sql" => sql(reason, diagnostic),
        _ => None,
    }
}

fn syntax(reason: &str, diagnostic: &Diagnostic) -> Option<String> {
    let found = diagnostic.get("found").unwrap_or_default();
    Some(match reason {
        "empty" => "表达式为空；请填写条件，例如 record.name != null".to_owned(),
        "operator" => {
            let instead = diagnostic.get("suggestion").unwrap_or_default();
            format!("这里不能使用 `{found}`，请改写为 {instead}")
        }
        "end" => "表达式不完整，缺少值、运算对象或右括号".to_owned(),
        "open_text" => "文本缺少结束引号，请补上".to_owned(),
        "character" => format!("这里不能使用 `{found}`；文本请加英文引号，运算符请使用英文半角符号"),
        "reserved" => format!("`{found}` 是保留字，不能用作名称"),
        "literal" => "这个值的写法有误，请检查".to_owned(),
        "unexpected" => format!("这里不应出现 `{found}`；请检查前面是否缺少运算符、逗号或括号"),
        "unreadable" => "表达式的这一部分无法识别".to_owned(),
        _ => return None,
    })
}

fn limit(reason: &str) -> Option<String> {
    Some(match reason {
        "length" => format!("表达式过长，最多 {SOURCE_LIMIT} 字节，请拆分"),
        "nesting" => format!("表达式嵌套过深，最多 {NESTING_LIMIT} 层，请拆分或减少括号"),
        "list" => "`in` 后面的列表过长，请缩短".to_owned(),
        _ => return None,
    })
}

fn unknown_name(diagnostic: &Diagnostic) -> String {
    let name = diagnostic.get("name").unwrap_or_default();
    let hint = diagnostic
        .get("suggestion")
        .map_or_else(|| "请检查拼写；如果是文本，请加引号".to_owned(), |name| format!("是否想写 `{name}`？"));
    match diagnostic.get("of") {
        Some("function") if diagnostic.get("suggestion").is_none() => {
            format!("没有名为 `{name}` 的函数，可用函数请查阅文档")
        }
        Some("function") => format!("没有名为 `{name}` 的函数；{hint}"),
        Some(of) => format!("`{of}` 中没有 `{name}`；{hint}"),
        None => format!("没有名为 `{name}` 的内容；{hint}"),
    }
}

fn type_error(reason: &str, diagnostic: &Diagnostic) -> Option<String> {
    let arg = |name: &str| diagnostic.get(name).unwrap_or_default();
    let ty = |name: &str| type_name(arg(name));
    Some(match reason {
        "range" => "这个数字过大".to_owned(),
        "nul" => "文本中不能包含空字符（\\0）".to_owned(),
        "bytes" => "不能使用字节串（b'…'），请去掉前面的 b".to_owned(),
        "map" => "表达式中不能使用花括号对象，请改用字段".to_owned(),
        "root" => format!("`{}` 是一组字段，请写明其中的某个字段", arg("name")),
        "space" => format!("`{}` 是一组插件函数，请调用其中的某个函数，例如 {}", arg("name"), arg("form")),
        "no_fields" => format!("这个值没有字段，不能读取 `.{}`", arg("name")),
        "condition" => format!("这里需要一个条件，而不是{}；请写成比较，例如 > 0 或 != null", ty("found")),
        "constant" => arg("detail_zh").to_owned(),
        "null_order" => {
            format!("与 null 作 `{}` 比较永远不成立，请用 == 或 != 判断是否为空", arg("operator"))
        }
        "operands" => format!("`{}` 不能用于{}和{}", arg("operator"), ty("left"), ty("right")),
        "operand" => format!("`{}` 不能用于{}", arg("operator"), ty("found")),
        "incomparable" => "JSON 类型的值只能与 null 比较".to_owned(),
        "no_order" => format!("{}没有大小顺序，请用 == 或 != 比较", ty("found")),
        "mixed" => format!("这里不能混用{}和{}", ty("left"), ty("right")),
        "assign" => format!("表达式的结果是{}，而这里需要{}", ty("found"), ty("wanted")),
        "arguments" => format!("`{}` 的参数个数或写法不对，用法：{}", arg("function"), arg("form")),
        "variable" => format!("`{}` 的第一个参数应为列表项的新名称，例如 x", arg("function")),
        "places" => format!("`{}` 的小数位数必须直接写成 0 到 {SCALE_LIMIT} 的数字", arg("function")),
        "written" => format!("无法识别，请写成 '{}' 的形式", arg("form")),
        "pattern" => format!("正则表达式无法使用：{}", arg("detail")),
        "argument" => format!("`{}` 的参数类型不对，这里给出的是{}", arg("function"), ty("found")),
        _ => return None,
    })
}

fn sql(reason: &str, diagnostic: &Diagnostic) -> Option<String> {
    let arg = |name: &str| diagnostic.get(name).unwrap_or_default();
    let computed = "可将结果保存为计算字段，再比较该字段";
    Some(match reason {
        "evaluation" => format!("这一部分无法计算：{}", arg("detail_zh")),
        "not_stored" => format!("`{}` 没有保存在数据库中，无法用于筛选", arg("name")),
        "constant" => "常量的类型与声明不符".to_owned(),
        "function" | "operator" => format!("`{}` 不能在数据库条件中用于记录的字段；{computed}", arg("what")),
        "macro" => format!("数据库条件中不能逐项检查列表；{computed}"),
        "list" => "数据库条件中，`in` 只能用于已保存的文本列表或固定列表".to_owned(),
        "type" => format!("这种类型的值在数据库条件中只能判断是否为空；{computed}"),
        "range" => format!("数值可能超出数据库的范围；{computed}"),
        "scale" => format!("乘积的小数位数超过 {SCALE_LIMIT} 位；{computed}"),
        "duration" => "数据库条件中，日期只能加减与记录无关的时长；请改为比较两个时刻之差".to_owned(),
        "outside" => format!(
            "`{}` 是插件提供的函数，数据库无法调用；请将结果保存为计算字段，再在这里使用该字段",
            arg("what")
        ),
        "alias" => "这里需要给表指定别名".to_owned(),
        _ => return None,
    })
}

/// A type as diagnostics name it, in Chinese.
fn type_name(english: &str) -> String {
    let (name, inner) = english.split_once('(').unwrap_or((english, ""));
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    let name = match name {
        "bool" => "是非值",
        "int" => "整数",
        "decimal" => return format!("{inner} 位小数"),
        "float" => "浮点数",
        "text" => "文本",
        "date" => "日期",
        "datetime" => "日期时间",
        "duration" => "时长",
        "id" => "标识",
        "list" => return format!("{}列表", type_name(inner)),
        "geo" => "地理位置",
        "json" => "JSON",
        "null" => "空值",
        other => other,
    };
    name.to_owned()
}
