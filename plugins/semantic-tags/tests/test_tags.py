"""The semantic tags on Python itself: their parts, and the plugin as the host calls it."""

import json as plain_json
import unittest
from pathlib import Path

from library import TERMS_MAX, Term
from matching import TEXT_CHARS_MAX, Terms, plain
from mortise_sdk import Fault, json
from mortise_sdk.cases import check_case, read_cases
from mortise_sdk.testing import Tester, call
from plugin import plugin


def found(text: str, *words: str) -> list[str]:
    places = Terms([Term(word, "", (word,)) for word in words]).find(text)
    return [text[place.start : place.end] for place in places]


class Matching(unittest.TestCase):
    def test_the_longest_term_at_a_place_wins_and_nothing_is_found_twice(self) -> None:
        self.assertEqual(found("集采续标后谈集采", "集采", "集采续标"), ["集采续标", "集采"])
        self.assertEqual(found("最小起订量", "起订量", "最小起订量"), ["最小起订量"])

    def test_letters_are_compared_in_lower_case_and_half_width_and_shown_as_written(self) -> None:
        self.assertEqual(found("ＤＲＧ支付改革，drg 支付改革", "DRG支付改革"), ["ＤＲＧ支付改革", "drg 支付改革"])

    def test_gaps_in_chinese_do_not_matter_and_in_latin_are_one_space(self) -> None:
        self.assertEqual(found("交 付\n周 期", "交付周期"), ["交 付\n周 期"])
        self.assertEqual(found("Lead-Time and lead  time", "lead time"), ["Lead-Time", "lead  time"])
        self.assertEqual(plain("a - b　中 文"), ("a b中文", [0, 1, 4, 6, 8]))

    def test_latin_terms_are_whole_words_or_their_plural(self) -> None:
        self.assertEqual(found("discounts, a discount, discounted, MOQ 500, MOQs", "discount", "MOQ"), [
            "discounts",
            "discount",
            "MOQ",
            "MOQs",
        ])
        self.assertEqual(found("用CRM系统和SCRM", "crm"), ["CRM"])

    def test_what_is_denied_is_not_found(self) -> None:
        for text in (
            "我们不觉得太贵",
            "不太贵",
            "并不太贵",
            "没有太贵",
            "没说太贵",
            "没觉得太贵",
            "不是太贵",
            "并非太贵",
            "从不嫌太贵",
            "绝不会太贵",
        ):
            self.assertEqual(found(text, "太贵"), [], text)
        for text in ("无延期", "毫无延期", "未延期", "不会再延期", "没有任何延期", "没 有 延 期"):
            self.assertEqual(found(text, "延期"), [], text)
        for text in (
            "It is not over budget",
            "not really over budget",
            "They aren't over budget",
            "We don’t think it is over budget",
            "never over budget",
            "without being told: no over budget",
        ):
            self.assertEqual(found(text, "over budget"), [], text)

    def test_what_is_asked_denied_twice_or_denied_elsewhere_is_found(self) -> None:
        for text in ("是不是太贵", "不得不说太贵", "不是没有说太贵", "不过太贵", "没问题，太贵", "不仅太贵", "特别太贵"):
            self.assertEqual(found(text, "太贵"), ["太贵"], text)
        for text in ("有没有延期", "有无延期", "会不会延期"):
            self.assertEqual(found(text, "延期"), ["延期"], text)
        for text in ("No, over budget", "not only over budget", "nothing new; over budget", "a knot over budget"):
            self.assertEqual(found(text, "over budget"), ["over budget"], text)
        self.assertEqual(found("不满意", "不满意"), ["不满意"], "what is itself a denial")

    def test_long_text_is_looked_through_in_bounds(self) -> None:
        self.assertEqual(found("长" * TEXT_CHARS_MAX + "交期", "交期"), [])
        self.assertEqual(len(found("交期" * TEXT_CHARS_MAX, "交期")), TEXT_CHARS_MAX // 2)


class Tags(unittest.TestCase):
    def setUp(self) -> None:
        self.tester = Tester(plugin)

    def tag(self, text: str, **input: str) -> dict:
        return dict(self.tester.action("tag", {"text": text, **input}).fields)

    def test_the_library_of_records_and_the_settings_count_together(self) -> None:
        fakes = self.tester.fakes
        fakes.put("term", "1", {"name": "DRG", "tag": "DRG 支付改革", "also": "按病种付费、diagnosis related groups"})
        fakes.put("term", "2", {"name": "集采续标", "also": ["续标"], "category": "医药"})
        self.tester.call = call({"terms": json(["交期"])})
        said = self.tag("医院推行按病种付费，担心交期；续标明年，DRG 已试点")
        self.assertEqual(said["tags"], ["DRG 支付改革", "交期", "集采续标"])
        self.assertEqual(said["categories"], ["医药"])
        self.assertEqual(said["count"], 4)
        first = plain_json.loads(said["places"].val)[0]
        self.assertEqual([place["text"] for place in first["places"]], ["按病种付费", "DRG"])

    def test_a_category_leaves_the_others_out(self) -> None:
        terms = [{"term": "续标", "category": "医药"}, {"term": "交期", "category": "制造"}, "价格"]
        self.tester.call = call({"terms": json(terms)})
        self.assertEqual(self.tag("续标、交期、价格", category="制造")["tags"], ["交期", "价格"])

    def test_a_library_of_many_pages_is_read_whole(self) -> None:
        for number in range(1200):
            self.tester.fakes.put("term", str(number), {"name": f"t{number:04}"})
        self.assertEqual(self.tag("t1199 t0000")["tags"], ["t1199", "t0000"])

    def test_too_many_terms_are_a_fault(self) -> None:
        self.tester.call = call({"terms": json([f"t{number}" for number in range(TERMS_MAX + 1)])})
        with self.assertRaises(Fault) as raised:
            self.tag("x")
        self.assertEqual(raised.exception.code, "terms.many")

    def test_a_term_that_is_none_is_a_fault_that_says_where(self) -> None:
        for terms, place in (
            ({}, "`terms`"),
            ([3], "`terms[0]`"),
            (["a", {"term": " "}], "`terms[1]`"),
            ([{"term": "a", "also": "b"}], "`terms[0].also`"),
            ([{"term": "a", "tag": 1}], "`terms[0].tag`"),
        ):
            with self.subTest(terms=terms):
                self.tester.call = call({"terms": json(terms)})
                with self.assertRaises(Fault) as raised:
                    self.tag("x")
                self.assertIn(place, raised.exception.message)


class Cases(unittest.TestCase):
    def test_every_case_passes(self) -> None:
        for file in sorted((Path(__file__).parents[1] / "cases").glob("*.json")):
            for case in read_cases(file.read_text("utf-8")):
                with self.subTest(case=case["about"]):
                    check_case(plugin, case)
