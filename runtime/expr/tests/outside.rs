//! Functions from outside: asking later and in batches gives what asking at once gives, and what is not reached is not asked.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use expect_test::{Expect, expect};
use mortise_expr::{
    Context, Dialect, EvalError, Expression, Member, OutsideFunction, OutsideFunctions, Scope, Shape, Type,
    Value,
};
use proptest::prelude::*;

fn function(
    name: &str,
    parameters: &[Type],
    returns: Type,
    otherwise: Option<Value>,
) -> Arc<OutsideFunction> {
    Arc::new(OutsideFunction {
        space: "far".into(),
        name: name.into(),
        owner: "acme.far".into(),
        export: name.replace('_', "-").into(),
        parameters: parameters.to_vec(),
        returns,
        otherwise,
    })
}

fn scope() -> Scope {
    let texts = Type::List(Box::new(Type::Text));
    let record = Shape::new(vec![
        Member::new("a", Type::Int).nullable().column("a"),
        Member::new("b", Type::Int).nullable().column("b"),
        Member::new("word", Type::Text).nullable().column("word"),
        Member::new("words", texts).nullable().column("words"),
    ]);
    let functions = vec![
        function("twice", &[Type::Int], Type::Int, None),
        function("odd", &[Type::Int], Type::Bool, None),
        function("size", &[Type::Text], Type::Int, None),
        function("picky", &[Type::Int], Type::Int, None),
        function("ratio", &[Type::Decimal(6), Type::Float], Type::Float, Some(Value::Float(0.5))),
    ];
    Scope::new().root("record", Arc::new(record)).functions(functions.into())
}

fn compile(source: &str) -> Expression {
    Expression::compile(source, &scope()).unwrap_or_else(|findings| panic!("{source}: {findings:#?}"))
}

/// What the functions do, wherever they are carried out.
fn carry_out(name: &str, args: &[Value]) -> Result<Value, EvalError> {
    Ok(match (name, args) {
        ("twice", [Value::Int(number)]) => Value::Int(number * 2),
        ("odd", [Value::Int(number)]) => Value::Bool(number % 2 != 0),
        ("size", [Value::Text(text)]) => Value::Int(i64::try_from(text.len()).unwrap()),
        ("picky", [Value::Int(number)]) if number % 3 == 0 => Value::Null,
        ("picky", [Value::Int(number)]) if number % 3 == 1 => Value::Int(*number),
        _ => {
            let reason = format!("{name} does not like {args:?}");
            let (function, owner) = (format!("far.{name}"), "acme.far".to_owned());
            return Err(EvalError::Failed { function, owner, reason_zh: reason.clone(), reason });
        }
    })
}

type Question = (String, String);
type Answer = Result<Value, EvalError>;

fn question(function: &OutsideFunction, args: &[Value]) -> Question {
    (function.name.to_string(), format!("{args:?}"))
}

/// Answers at once.
#[derive(Debug, Default)]
struct Near(Mutex<BTreeSet<Question>>);

impl OutsideFunctions for Near {
    fn value(&self, function: &Arc<OutsideFunction>, args: &[Value]) -> Answer {
        self.0.lock().unwrap().insert(question(function, args));
        carry_out(&function.name, args)
    }
}

/// Answers what was fetched before.
#[derive(Debug, Default)]
struct Far {
    known: Mutex<BTreeMap<Question, Answer>>,
    noted: Mutex<BTreeMap<Question, (String, Vec<Value>)>>,
}

impl OutsideFunctions for Far {
    fn value(&self, function: &Arc<OutsideFunction>, args: &[Value]) -> Answer {
        let question = question(function, args);
        if let Some(answer) = self.known.lock().unwrap().get(&question) {
            return answer.clone();
        }
        self.noted.lock().unwrap().insert(question, (function.name.to_string(), args.to_vec()));
        Err(EvalError::Pending)
    }
}

impl Far {
    /// Fetches all that was noted; how many questions that were.
    fn fetch(&self) -> usize {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap());
        let count = noted.len();
        let answers = noted.into_iter().map(|(question, (name, args))| (question, carry_out(&name, &args)));
        self.known.lock().unwrap().extend(answers);
        count
    }
}

fn with<T>(row: &[Value], functions: &dyn OutsideFunctions, evaluate: impl FnOnce(&Context<'_>) -> T) -> T {
    let (now, tz) = (chrono::DateTime::UNIX_EPOCH, chrono_tz::UTC);
    evaluate(&Context { now, tz, roots: &[row], functions: Some(functions) })
}

/// The values of all rows by rounds, with the number of questions in each.
fn in_rounds(expression: &Expression, rows: &[Vec<Value>]) -> (Vec<Answer>, Vec<usize>, BTreeSet<Question>) {
    let far = Far::default();
    let mut rounds = Vec::new();
    loop {
        let values: Vec<Answer> = rows.iter().map(|row| with(row, &far, |cx| expression.eval(cx))).collect();
        match far.fetch() {
            0 => return (values, rounds, far.known.lock().unwrap().keys().cloned().collect()),
            asked => rounds.push(asked),
        }
    }
}

fn row(a: Option<i64>, b: Option<i64>, word: Option<&str>, words: &[&str]) -> Vec<Value> {
    let words = Value::list(words.iter().map(|word| Value::text(*word)));
    vec![Value::from(a), Value::from(b), Value::from(word), words]
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("record.a".to_owned()),
        Just("record.b".to_owned()),
        (0i64..6).prop_map(|number| number.to_string()),
        Just("far.size(record.word)".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let condition = prop_oneof![
            inner.clone().prop_map(|of| format!("far.odd({of})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} < {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(far.odd({a}) && {b} == 2)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} == null || far.odd({b}))")),
            inner.clone().prop_map(|of| format!("record.words.exists(x, far.size(x) == {of})")),
            inner.clone().prop_map(|of| format!("record.words.all(x, far.size(x) > {of})")),
            inner.clone().prop_map(|of| format!("record.words.exists_one(x, far.size(x) > {of})")),
        ];
        prop_oneof![
            inner.clone().prop_map(|of| format!("far.twice({of})")),
            inner.clone().prop_map(|of| format!("far.picky({of})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("min({a}, {b})")),
            inner.clone().prop_map(|of| format!("record.words.map(x, far.size(x) + {of}).size()")),
            inner.clone().prop_map(|of| format!("record.words.filter(x, far.size(x) > {of}).size()")),
            (condition, inner.clone(), inner).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})")),
        ]
    })
}

fn any_row() -> impl Strategy<Value = Vec<Value>> {
    let number = || prop::option::of(0i64..7);
    let word = || prop::sample::select(vec!["", "a", "ab", "abc"]);
    (number(), number(), prop::option::of(word()), prop::collection::vec(word(), 0..3))
        .prop_map(|(a, b, word, words)| row(a, b, word, &words))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rounds_over_many_rows_give_what_asking_at_once_gives_for_each(
        source in number(),
        rows in prop::collection::vec(any_row(), 1..6),
    ) {
        // Not every one of them is an expression: comparisons of null, a constant that leaves its range.
        let Ok(expression) = Expression::compile(&source, &scope()) else { return Ok(()) };
        let near = Near::default();
        let at_once: Vec<Answer> =
            rows.iter().map(|row| with(row, &near, |cx| expression.eval(cx))).collect();
        let (values, rounds, asked) = in_rounds(&expression, &rows);
        prop_assert_eq!(&values, &at_once, "{}", source);
        prop_assert!(rounds.len() <= 40, "{} took {:?}", source, rounds);
        if at_once.iter().all(Result::is_ok) {
            prop_assert_eq!(asked, near.0.into_inner().unwrap(), "{} asked for something else", source);
        }
    }
}

fn asked(source: &str, row: &[Value]) -> Vec<String> {
    let (_, _, asked) = in_rounds(&compile(source), &[row.to_vec()]);
    asked.into_iter().map(|(name, args)| format!("{name} {args}")).collect()
}

#[test]
fn what_is_not_reached_is_not_asked() {
    let row = row(Some(1), None, Some("ab"), &["a", "ab"]);
    assert_eq!(asked("record.a == 1 ? 5 : far.twice(record.a)", &row), Vec::<String>::new());
    assert_eq!(asked("record.a == 2 && far.odd(record.a)", &row), Vec::<String>::new());
    assert_eq!(asked("record.a == 1 || far.odd(record.a)", &row), Vec::<String>::new());
    assert_eq!(asked("coalesce(record.a, far.twice(7))", &row), Vec::<String>::new());
    assert_eq!(asked("record.words.exists(x, far.size(x) == 1)", &row), ["size [Text(\"a\")]"]);
    assert_eq!(asked("far.twice(record.b)", &row), Vec::<String>::new(), "an empty argument");
}

#[test]
fn a_thousand_rows_ask_once_and_the_same_question_only_once() {
    let rows: Vec<Vec<Value>> = (0..1_000).map(|number| row(Some(number % 100), None, None, &[])).collect();
    let (values, rounds, _) = in_rounds(&compile("far.twice(record.a)"), &rows);
    assert_eq!((rounds, values[150].clone()), (vec![100], Ok(Value::Int(100))));
    let (_, rounds, _) = in_rounds(&compile("far.twice(record.a) + far.twice(record.a + 1)"), &rows);
    assert_eq!(rounds, [101], "both operands are noted in one go");
    let words = row(None, None, None, &["a", "ab", "abc"]);
    let (_, rounds, _) = in_rounds(&compile("record.words.map(x, far.size(x)).size()"), &[words]);
    assert_eq!(rounds, [3], "all items are noted in one go");
}

#[test]
fn without_anybody_to_ask_there_is_the_declared_value_or_an_error_that_says_so() {
    let (now, tz) = (chrono::DateTime::UNIX_EPOCH, chrono_tz::UTC);
    let row = row(Some(1), None, None, &[]);
    let cx = Context { now, tz, roots: &[&row], functions: None };
    assert_eq!(compile("far.ratio(record.a, 2)").eval(&cx), Ok(Value::Float(0.5)));
    let error = compile("far.twice(record.a)").eval(&cx).unwrap_err();
    assert_eq!(error.code(), "expr.plugin_missing");
    assert_eq!(error.to_string(), "`far.twice` needs the plugin acme.far: it cannot be called here");
    assert_eq!(error.message_in("zh-CN"), "`far.twice` 需要插件 acme.far：此处无法调用");
}

fn findings(source: &str, expected: &Expect) {
    let findings = Expression::compile(source, &scope()).unwrap_err();
    let told = |finding: &mortise_expr::Diagnostic| format!("{finding}\n{}\n", finding.message_in("zh-CN"));
    expected.assert_eq(&findings.iter().map(told).collect::<String>());
}

#[test]
fn slips_in_calls_are_told() {
    findings(
        "far.twce(1)",
        &expect![[r#"
        column 5: there is no function `far.twce`; did you mean `far.twice`? [expr.unknown_name]
        没有名为 `far.twce` 的函数；是否想写 `far.twice`？
    "#]],
    );
    findings(
        "far.twice(1, 2)",
        &expect![[r#"
        column 5: `far.twice` is given 2 arguments; it is used as far.twice(int) → int [expr.type]
        `far.twice` 的参数个数或写法不对，用法：far.twice(int) → int
    "#]],
    );
    findings(
        "far.twice(record.word)",
        &expect![[r#"
        column 11: `far.twice` needs int here, but this is of type text [expr.type]
        `far.twice` 的参数类型不对，这里给出的是文本
    "#]],
    );
    findings(
        "far.twice",
        &expect![[r#"
        column 1: `far` holds functions of a plugin; call one of them, such as far.twice(int) → int [expr.type]
        `far` 是一组插件函数，请调用其中的某个函数，例如 far.twice(int) → int
    "#]],
    );
    findings(
        "far == null",
        &expect![[r#"
        column 1: `far` holds functions of a plugin; call one of them, such as far.twice(int) → int [expr.type]
        `far` 是一组插件函数，请调用其中的某个函数，例如 far.twice(int) → int
    "#]],
    );
}

#[test]
fn databases_do_not_call_outside() {
    let expression = compile("record.a == 1 && far.odd(record.a)");
    let refusal = expression.check_sql().unwrap_err();
    expect![[r#"
        column 22: `far.odd` is a function of a plugin, and a database cannot call it; keep its result in a computed field, and use that field here [expr.sql]
        `far.odd` 是插件提供的函数，数据库无法调用；请将结果保存为计算字段，再在这里使用该字段"#]].assert_eq(&format!("{refusal}\n{}", refusal.message_in("zh-CN")));
    let row = row(Some(1), None, None, &[]);
    let near = Near::default();
    assert!(with(&row, &near, |cx| expression.to_sql(Dialect::Sqlite, None, cx)).is_err());
    assert!(compile("record.a == 1").check_sql().is_ok());
    let parts = expression.conjuncts();
    assert!(parts[0].check_sql().is_ok() && parts[1].check_sql().is_err());
    assert_eq!(parts.iter().map(|part| part.outside().len()).collect::<Vec<_>>(), [0, 1]);
}
