/**
 * The keyword check: whether a conversation covers the talking points that a tenant has agreed on, with the sentences that
 * prove it. One action for rules; it reads no records and keeps nothing.
 */
import { done, integer, json } from "@mortise/sdk";

import { check } from "./check.ts";
import { keywordsOf, words } from "./keywords.ts";
import { plugin } from "./plugin.gen.ts";

export default plugin({
  action: {
    check: (cx, input) => {
      const findings = check(input.need("text", "text"), keywordsOf(cx, input));
      const missing = findings.filter(({ count }) => count === 0).map(({ keyword }) => keyword);
      const found = findings.filter(({ count }) => count > 0);
      const summary =
        missing.length === 0
          ? words(cx, "All keywords are covered", "关键词已全部覆盖")
          : words(cx, `Missing: ${missing.join(", ")}`, `缺少：${missing.join("、")}`);
      return done({
        complete: missing.length === 0,
        missing,
        found: found.map(({ keyword }) => keyword),
        covered_percent: integer(Math.floor((100 * found.length) / findings.length)),
        proof: json(found),
        summary,
      });
    },
  },
});
