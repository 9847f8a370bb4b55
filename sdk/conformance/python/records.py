"""What the plugin does with records: checks, changes, scores, chooses and prints companies."""

from __future__ import annotations

from decimal import Decimal

from mortise_sdk import (
    Candidate,
    Change,
    Context,
    Document,
    Fault,
    Fields,
    Proceed,
    Reject,
    Score,
    Set,
    Violation,
)
from plugin_gen import Company


def vat_number(cx: Context, change: Change[Company]) -> list[Violation]:
    def say(english: str, chinese: str) -> str:
        return chinese if cx.chinese else english

    company = change.record
    number = company.vat_number
    frozen = company.type.text == "frozen" and change.before is not None
    if frozen and change.before.vat_number.text != number.text:
        raise Fault("vat.frozen", say("the number is frozen", "税号已锁定"))
    violations = []
    if company.name.is_empty:
        violations.append(Violation(None, "nameless", say("a company has a name", "请填写公司名称")))
    if number.is_empty:
        message = say("the number is missing", "缺少税号")
        violations.append(Violation(Company.VAT_NUMBER, "vat_missing", message))
    elif company.country_code.text == "CN" and len(number.text) != 18:
        message = say("a number in China has 18 characters", "中国税号应为 18 位")
        violations.append(Violation(Company.VAT_NUMBER, "vat_length", message))
    return violations


def tidy(_: Context, change: Change[Company]) -> Proceed | Set | Reject:
    company = change.after
    if company is None:
        return Proceed()
    name = company.name.text
    tidied = " ".join(name.split())
    if tidied == "refuse me":
        return Reject(Fault("name.refused", "no such name", after_ms=500))
    # The host lets nothing through that the manifest does not name.
    if tidied == "cheat":
        return Set({"vat_number": "stolen"})
    tags = sorted(set(company.tags.many))
    if tidied == name and tags == company.tags.many and not company.rating.is_empty:
        return Proceed()
    return Set({"name": tidied, "tags": tags, "rating": Decimal("4.50")})


def mirror(cx: Context, change: Change[Company]) -> None:
    text = f"{change.op} {change.record.name.text}"
    cx.log.info(text)
    cx.log.debug(f"note {cx.records.create('note', {'text': text})}")


def size(_: Context, company: Company) -> Score:
    employees = (company.employees.integer or 0) / 10
    turnover = (company.turnover.number or 0) / 1000
    return Score(employees + turnover, [("employees", employees), ("turnover", turnover)])


def nearest(_: Context, company: Company, candidates: list[Candidate]) -> str | None:
    country = company.country_code.text
    return next((one.id for one in candidates if country in one.fields["countries"].many), None)


def card(_: Context, company: Company, params: Fields) -> Document:
    name = company.name.text
    if params["logo"].boolean:
        content = company.logo.bytes
        if content is None:
            raise Fault("logo.missing", "there is no logo")
        return Document(f"{name}.bin", "application/octet-stream", content)
    return Document(f"{name}.md", "text/markdown", f"# {name}\n")
