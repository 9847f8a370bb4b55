//! What the forecast says to people, in Chinese and English. Every number in it comes from elsewhere.

use crate::deal::{Level, NONE};
use crate::features::{Factor, RECENT_DAYS, Seen};
use crate::model::{Model, TooFew};

pub(crate) fn nothing_new(chinese: bool) -> String {
    let (english, translated) =
        ("Nothing was closed since the last training.", "上次训练后没有新结案的商机。");
    if chinese { translated } else { english }.to_owned()
}

pub(crate) fn collected(chinese: bool, won: u32, lost: u32) -> String {
    match chinese {
        true => format!("已读取 {won} 个赢单、{lost} 个输单商机。"),
        false => format!("{won} won and {lost} lost opportunities were read."),
    }
}

pub(crate) fn too_few(chinese: bool, few: &TooFew) -> String {
    let TooFew { won, lost, minimum, .. } = few;
    match chinese {
        true => format!(
            "数据太少，暂不预测：目前有 {won} 个赢单、{lost} 个输单商机，至少需要 {minimum} 个，且赢单和输单各不少于 15 个。"
        ),
        false => format!(
            "Too little data for a forecast: {won} won and {lost} lost opportunities; it takes {minimum}, and 15 of each."
        ),
    }
}

pub(crate) fn not_trained(chinese: bool) -> String {
    let english = "Nothing was learnt yet: the job “train” has not run.";
    if chinese {
        "还没有训练过模型：请等待“学习已结案商机”任务运行。"
    } else {
        english
    }
    .to_owned()
}

pub(crate) fn trained(chinese: bool, model: &Model) -> String {
    let deals = model.won + model.lost;
    let measured = model.quality.as_ref().map(|quality| (quality.brier, quality.brier_of_share));
    match (chinese, measured) {
        (true, Some((brier, share))) => {
            format!("已学习 {deals} 个商机；布里尔分数 {brier:.3}，只猜平均赢单率时为 {share:.3}。")
        }
        (true, None) => format!("已学习 {deals} 个商机。"),
        (false, Some((brier, share))) => {
            format!(
                "Learnt from {deals} opportunities; Brier score {brier:.3}, against {share:.3} for always guessing the share."
            )
        }
        (false, None) => format!("Learnt from {deals} opportunities."),
    }
}

/// The first line of a forecast.
pub(crate) fn headline(chinese: bool, percent: f64, share: f64, at_risk: bool) -> String {
    match (chinese, at_risk) {
        (true, true) => format!("有风险：赢单概率 {percent:.0}%，历史平均 {share:.0}%"),
        (true, false) => format!("赢单概率 {percent:.0}%，历史平均 {share:.0}%"),
        (false, true) => format!("At risk: {percent:.0} % likely to be won, {share:.0} % on average"),
        (false, false) => format!("{percent:.0} % likely to be won, {share:.0} % on average"),
    }
}

pub(crate) fn closed(chinese: bool, won: bool) -> &'static str {
    match (chinese, won) {
        (true, true) => "已赢单",
        (true, false) => "已输单",
        (false, true) => "Won",
        (false, false) => "Lost",
    }
}

pub(crate) fn no_beginning(chinese: bool) -> &'static str {
    if chinese {
        "缺少立项日期，无法预测。"
    } else {
        "Without the day of opening there is no forecast."
    }
}

/// What is true of this opportunity.
pub(crate) fn fact(chinese: bool, model: &Model, factor: Factor, seen: &Seen, has: Has) -> String {
    let (english, translated) = match factor {
        Factor::Age => (format!("open for {} days", seen.age), format!("立项已 {} 天", seen.age)),
        Factor::Effective => {
            (format!("{} effective interactions", seen.effective), format!("有效互动 {} 次", seen.effective))
        }
        Factor::Recent => (
            format!("{} interactions in {RECENT_DAYS} days", seen.recent),
            format!("近 {RECENT_DAYS} 天互动 {} 次", seen.recent),
        ),
        Factor::Silence => {
            (format!("{} days without contact", seen.silence), format!("已 {} 天没有互动", seen.silence))
        }
        Factor::Inbound => {
            (format!("the customer came {} times", seen.inbound), format!("客户主动联系 {} 次", seen.inbound))
        }
        Factor::Competitor => match has.competitor {
            true => ("a competitor is there".into(), "存在竞争对手".into()),
            false => ("no competitor is known".into(), "未发现竞争对手".into()),
        },
        Factor::Presales => match has.presales {
            true => ("presales takes part".into(), "售前已参与".into()),
            false => ("presales does not take part".into(), "售前未参与".into()),
        },
        Factor::Budget(place) => match has.budget == place {
            true => (
                format!("budget: {}", budget(model, place, false)),
                format!("预算：{}", budget(model, place, true)),
            ),
            false if has.budget == NONE => ("no budget is given".into(), "未填写预算".into()),
            false => ("another budget".into(), "预算：其他".into()),
        },
        Factor::Source(place) => match has.source == place {
            true => {
                let name = called(&model.words.sources, place);
                (format!("source: {name}"), format!("来源：{name}"))
            }
            false if has.source == NONE => ("no source is given".into(), "未填写来源".into()),
            false => ("another source".into(), "来源：其他".into()),
        },
        Factor::Kind(place) => {
            let name = called(&model.words.kinds, place);
            match seen.had(place) {
                true => (format!("done: {name}"), format!("已进行：{name}")),
                false => (format!("not done yet: {name}"), format!("尚未进行：{name}")),
            }
        }
    };
    if chinese { translated } else { english }
}

/// What an opportunity has, apart from its interactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Has {
    pub(crate) budget: u8,
    pub(crate) source: u8,
    pub(crate) competitor: bool,
    pub(crate) presales: bool,
}

/// What a factor is called, apart from any opportunity.
pub(crate) fn label(chinese: bool, model: &Model, factor: Factor) -> String {
    let (english, translated) = match factor {
        Factor::Age => ("Days since opening", "立项天数"),
        Factor::Effective => ("Effective interactions", "有效互动次数"),
        Factor::Recent => ("Interactions in 14 days", "近 14 天互动次数"),
        Factor::Silence => ("Days without contact", "未互动天数"),
        Factor::Inbound => ("Times the customer came", "客户主动联系次数"),
        Factor::Competitor => ("A competitor is there", "存在竞争对手"),
        Factor::Presales => ("Presales takes part", "售前参与"),
        Factor::Budget(place) => {
            let name = budget(model, place, chinese);
            return if chinese { format!("预算：{name}") } else { format!("Budget: {name}") };
        }
        Factor::Source(place) => {
            let name = called(&model.words.sources, place);
            return if chinese { format!("来源：{name}") } else { format!("Source: {name}") };
        }
        Factor::Kind(place) => {
            let name = called(&model.words.kinds, place);
            return if chinese { format!("进行过：{name}") } else { format!("Had: {name}") };
        }
    };
    if chinese { translated } else { english }.to_owned()
}

/// What a coefficient means: by how much the odds are multiplied, and how sure that is.
pub(crate) fn meaning(chinese: bool, factor: Factor, odds_ratio: f64, sure: f64) -> String {
    let doubles = matches!(
        factor,
        Factor::Age | Factor::Effective | Factor::Recent | Factor::Silence | Factor::Inbound
    );
    let sure = match (sure >= 2.0, sure >= 1.0, chinese) {
        (true, _, true) => "关系明显",
        (_, true, true) => "关系较弱",
        (_, _, true) => "与无关难以区分",
        (true, _, false) => "clear",
        (_, true, false) => "weak",
        (_, _, false) => "hardly to be told from none",
    };
    match (chinese, doubles) {
        (true, true) => format!("每翻一倍，赢输比变为 {odds_ratio:.2} 倍（{sure}）"),
        (true, false) => format!("符合时，赢输比变为 {odds_ratio:.2} 倍（{sure}）"),
        (false, true) => format!("each doubling multiplies the odds of winning by {odds_ratio:.2} ({sure})"),
        (false, false) => format!("if so, the odds of winning are multiplied by {odds_ratio:.2} ({sure})"),
    }
}

fn called(levels: &[Level], place: u8) -> &str {
    levels.get(usize::from(place)).map_or("", |level| &level.name)
}

/// The choices of the shipped apps have names; others are called by their value.
fn budget(model: &Model, place: u8, chinese: bool) -> String {
    let value = called(&model.words.budgets, place);
    let (english, translated) = match value {
        "up_to_50k" => ("up to 50,000", "5 万元以下"),
        "from_50k" => ("50,000 to 200,000", "5–20 万元"),
        "from_200k" => ("200,000 to 500,000", "20–50 万元"),
        "from_500k" => ("500,000 and more", "50 万元以上"),
        other => (other, other),
    };
    if chinese { translated } else { english }.to_owned()
}

/// The figures of a back-test: what each is called, and how to read it.
pub(crate) fn figures(chinese: bool) -> [(&'static str, &'static str); 6] {
    match chinese {
        true => [
            ("测试商机数", "最近结案、未参与训练的商机"),
            ("布里尔分数", "预测概率的均方误差，越低越好"),
            ("基准布里尔分数", "对每个商机都猜平均赢单率时的误差"),
            ("AUC", "赢单排在输单之前的比例：0.5 相当于随机，1 为完美"),
            ("对数损失", "越低越好"),
            ("校准误差", "预测概率与实际赢单率的平均差距"),
        ],
        false => [
            ("Opportunities tested", "closed last, and not learnt from"),
            ("Brier score", "mean squared error of the probabilities; lower is better"),
            ("Brier score of guessing", "the same when the share of deals won is guessed for each"),
            ("AUC", "how often a won one is ranked above a lost one: 0.5 is chance, 1 perfect"),
            ("Log loss", "lower is better"),
            ("Calibration error", "how far forecasts and shares won lie apart on average"),
        ],
    }
}
