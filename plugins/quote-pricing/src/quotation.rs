//! A quotation as it comes in, and the words for what can be wrong with it. Numbers are text until they are read exactly.

use serde::Deserialize;

/// A quotation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quotation {
    pub(crate) lines: Vec<Line>,
    /// Price lists; the first that has a product counts.
    #[serde(default)]
    pub(crate) price_lists: Vec<PriceList>,
    #[serde(default)]
    pub(crate) tiers: Vec<Tier>,
    #[serde(default)]
    pub(crate) bundles: Vec<Bundle>,
    /// Off everything, after the discounts of the lines.
    #[serde(default)]
    pub(crate) discount_percent: Option<String>,
    #[serde(default)]
    pub(crate) prices_include_tax: bool,
}

/// A line. It has a price of its own, one of a price list, or is a part of what other lines cost.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) product: String,
    pub(crate) quantity: String,
    #[serde(default)]
    pub(crate) price: Option<String>,
    /// A service pack: so many percent of what these products cost, for each unit.
    #[serde(default)]
    pub(crate) service: Option<Service>,
    #[serde(default)]
    pub(crate) discount_percent: Option<String>,
    #[serde(default)]
    pub(crate) tax_percent: Option<String>,
}

/// What a service pack costs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) percent: String,
    pub(crate) of: Vec<String>,
}

/// Prices under a name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriceList {
    pub(crate) name: String,
    pub(crate) prices: Vec<Price>,
}

/// The price of a product.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    pub(crate) product: String,
    pub(crate) price: String,
}

/// Another price for those who take more.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tier {
    pub(crate) product: String,
    pub(crate) from: String,
    pub(crate) price: String,
}

/// Products that cost less together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bundle {
    pub(crate) name: String,
    pub(crate) products: Vec<String>,
    pub(crate) percent: String,
}

/// Who may give discounts up to a percentage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) percent: String,
    pub(crate) who: String,
}

impl Limit {
    /// What holds until an administrator says otherwise; the same as in `plugin.json`.
    pub(crate) fn defaults() -> Vec<Limit> {
        let limit = |percent: &str, who: &str| Limit { percent: percent.into(), who: who.into() };
        vec![limit("5", "seller"), limit("15", "manager"), limit("30", "director")]
    }
}

/// What is wrong with a quotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// `number`, `range`, `missing` or `too_many`.
    pub(crate) code: &'static str,
    /// The line, from 1; none when it is something else.
    pub(crate) line: Option<usize>,
    pub(crate) what: What,
    pub(crate) text: String,
}

/// Which value is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Quantity,
    Price,
    Service,
    Discount,
    Tax,
    Tier,
    Bundle,
    Limit,
    Lines,
    Sum,
}

impl Wrong {
    pub(crate) fn english(&self) -> String {
        let what = match self.what {
            What::Quantity => "the quantity",
            What::Price => "the price",
            What::Service => "the service pack",
            What::Discount => "the discount",
            What::Tax => "the tax",
            What::Tier => "the tier",
            What::Bundle => "the bundle",
            What::Limit => "the approval limit",
            What::Lines => return format!("A quotation has between 1 and {} lines.", self.text),
            What::Sum => return "The amounts are too large.".to_owned(),
        };
        let place = self.line.map_or(String::new(), |line| format!("Line {line}: "));
        let problem = match (self.code, self.what) {
            ("number", _) => "is not a number",
            ("missing", What::Price) => "is neither given nor in a price list",
            ("missing", _) => "is of a product that no line has",
            _ => "is out of range",
        };
        format!("{place}{what} “{}” {problem}.", self.text)
    }

    pub(crate) fn chinese(&self) -> String {
        let what = match self.what {
            What::Quantity => "数量",
            What::Price => "单价",
            What::Service => "服务包",
            What::Discount => "折扣",
            What::Tax => "税率",
            What::Tier => "阶梯价",
            What::Bundle => "套餐",
            What::Limit => "审批权限",
            What::Lines => return format!("报价单须有 1 至 {} 行。", self.text),
            What::Sum => return "金额过大，无法计算。".to_owned(),
        };
        let place = self.line.map_or(String::new(), |line| format!("第 {line} 行："));
        let problem = match (self.code, self.what) {
            ("number", _) => "不是有效数字",
            ("missing", What::Price) => "未填写，价格表中也没有",
            ("missing", _) => "对应的产品不在报价单中",
            _ => "超出允许范围",
        };
        format!("{place}{what}“{}”{problem}。", self.text)
    }
}
