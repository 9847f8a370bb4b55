/** What the plugin does with records: checks, changes, scores, chooses and prints companies. */
import {
  type Candidate,
  type Change,
  type Document,
  type Fields,
  type Score,
  type Verdict,
  type Violation,
  Fault,
  change as changed,
  decimal,
  fault,
  proceed,
  reject,
  violation,
} from "@mortise/sdk";

import { type Context, Company } from "./plugin.gen.ts";

export function vatNumber(cx: Context, change: Change<Company>): Violation[] {
  const company = change.record;
  const say = (english: string, chinese: string): string => (cx.chinese ? chinese : english);
  const number = company.vat_number;
  const before = change.before?.vat_number.text;
  if (company.type.text === "frozen" && before !== undefined && before !== number.text) {
    throw fault("vat.frozen", say("the number is frozen", "税号已锁定"));
  }
  const violations: Violation[] = [];
  if (company.name.isEmpty) {
    violations.push({ field: undefined, code: "nameless", message: say("a company has a name", "请填写公司名称") });
  }
  if (number.isEmpty) {
    violations.push(violation(Company.VAT_NUMBER, "vat_missing", say("the number is missing", "缺少税号")));
  } else if (company.country_code.text === "CN" && [...number.text].length !== 18) {
    const message = say("a number in China has 18 characters", "中国税号应为 18 位");
    violations.push(violation(Company.VAT_NUMBER, "vat_length", message));
  }
  return violations;
}

export function tidy(_: Context, change: Change<Company>): Verdict {
  const company = change.after;
  if (company === undefined) return proceed();
  const name = company.name.text;
  const tidied = name.trim().split(/\s+/u).join(" ");
  if (tidied === "refuse me") return reject(new Fault("name.refused", "no such name", { afterMs: 500 }));
  // The host lets nothing through that the manifest does not name.
  if (tidied === "cheat") return changed({ vat_number: "stolen" });
  const tags = [...new Set(company.tags.many)].sort();
  const same = tags.length === company.tags.many.length && tags.every((tag, at) => tag === company.tags.many[at]);
  if (tidied === name && same && !company.rating.isEmpty) return proceed();
  return changed({ name: tidied, tags, rating: decimal("4.50") });
}

export function mirror(cx: Context, change: Change<Company>): void {
  const text = `${change.op} ${change.record.name.text}`;
  cx.log.info(text);
  cx.log.debug(`note ${cx.records.create("note", { text })}`);
}

export function size(_: Context, company: Company): Score {
  const employees = Number(company.employees.integer ?? 0n) / 10;
  const turnover = (company.turnover.number ?? 0) / 1000;
  return {
    value: employees + turnover,
    reasons: [
      { text: "employees", weight: employees },
      { text: "turnover", weight: turnover },
    ],
  };
}

export function nearest(_: Context, company: Company, candidates: Candidate[]): string | undefined {
  const country = company.country_code.text;
  return candidates.find(({ fields }) => fields.get("countries").many.includes(country))?.id;
}

export function card(_: Context, company: Company, params: Fields): Document {
  const name = company.name.text;
  if (params.get("logo").boolean) {
    const content = company.logo.bytes;
    if (content === undefined) throw fault("logo.missing", "there is no logo");
    return { name: `${name}.bin`, mediaType: "application/octet-stream", content };
  }
  return { name: `${name}.md`, mediaType: "text/markdown", content: `# ${name}\n` };
}
