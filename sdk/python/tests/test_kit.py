"""The kit without a plugin: values, records, contexts and the fakes that tests of plugins rely on."""

import unittest
from datetime import date as Date
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from mortise_sdk import Change, Context, Fault, Fields, Other, Record, Reference, Response, Value, json
from mortise_sdk.testing import Fakes, call, entry
from mortise_sdk.value import Unreadable, into_fields, into_value, read_as

EVERYTHING = ["records.read", "records.write", "http", "storage"]


class Values(unittest.TestCase):
    def test_what_python_has_becomes_a_value_and_nothing_is_guessed(self) -> None:
        moment = datetime(2026, 3, 31, 16, 15, tzinfo=timezone(timedelta(hours=8)))
        for given, expected in (
            ("3", Value("text", "3")),
            (3, Value("integer", 3)),
            (True, Value("boolean", True)),
            (0.5, Value("float", 0.5)),
            (Decimal("1E+2"), Value("decimal", "100")),
            (Decimal("-0.10"), Value("decimal", "-0.10")),
            (Date(2026, 3, 31), Value("date", "2026-03-31")),
            (moment, Value("timestamp", "2026-03-31T08:15:00Z")),
            (b"x", Value("bytes", b"x")),
            (("a", "b"), Value("many", ["a", "b"])),
            (None, Value("null")),
            (Reference("a", "1"), Value("reference", Reference("a", "1"))),
            (Other("colour", "red"), Value("other", Other("colour", "red"))),
            (json({"a": "中"}), Value("json", '{"a":"中"}')),
        ):
            with self.subTest(given=given):
                self.assertEqual(into_value(given), expected)
        with self.assertRaises(Unreadable):
            read_as(into_value("3"), "integer")

    def test_what_the_interface_cannot_hold_is_a_slip(self) -> None:
        for given, error in (
            (2**63, ValueError),
            (datetime(2026, 3, 31), ValueError),
            ({"a": 1}, TypeError),
            ([1], TypeError),
        ):
            with self.subTest(given=given), self.assertRaises(error):
                into_value(given)
        with self.assertRaises(ValueError):
            json(float("nan"))


class Records(unittest.TestCase):
    def test_a_field_that_is_empty_missing_or_of_another_kind_is_nothing(self) -> None:
        given = {"name": " ", "size": 3, "price": Decimal("1.50"), "tags": ["a"], "of": Reference("b", "7"), "none": None}
        record = Record(entry("thing", "1", given))
        self.assertEqual(record._id, "1")
        self.assertTrue(record["name"].is_empty and record["none"].is_empty and record["unknown"].is_empty)
        self.assertEqual(record["size"].integer, 3)
        self.assertEqual(record["price"].decimal, Decimal("1.50"))
        self.assertIsNone(record["price"].integer)
        self.assertEqual(record["of"].text, "7")
        self.assertEqual(record["tags"].many, ["a"])

    def test_fields_that_are_needed_are_there_or_a_fault_says_which(self) -> None:
        fields = Fields(into_fields({"name": "a", "size": 2, "nested": json({"b": 1})}))
        self.assertEqual(fields.need("name", "text"), "a")
        self.assertEqual(fields.need("nested", "json"), {"b": 1})
        with self.assertRaisesRegex(Fault, "`size` has to be text"):
            fields.need("size", "text")
        with self.assertRaisesRegex(Fault, "`other` has to be a whole number"):
            fields.need("other", "integer")
        with self.assertRaisesRegex(Fault, "this change has no record"):
            _ = Change("update", None, None).record


class Host(unittest.TestCase):
    def setUp(self) -> None:
        self.fakes = Fakes(EVERYTHING)
        self.cx = Context(call({"limit": 7}), self.fakes)

    def test_a_fake_host_keeps_records(self) -> None:
        self.assertEqual(self.cx.setting("limit").integer, 7)
        records = self.cx.records
        self.fakes.put("thing", "1", {"size": 3, "name": "a"})
        self.fakes.put("thing", "2", {"size": 9, "name": "b"})
        query = {"where": [("size", "ge", 3)], "order": ["-size"], "fields": ["name"], "limit": 1}
        page = records.find("thing", **query)
        self.assertEqual([record._id for record in page.records], ["2"])
        rest = records.find("thing", **query, cursor=page.next)
        self.assertEqual((rest.records[0]["name"].text, rest.next), ("a", None))
        made = records.create("thing", {"size": 1})
        records.update("thing", made, {"size": 2})
        found = records.get("thing", made, ["size"])
        assert found is not None
        self.assertEqual(found["size"].integer, 2)
        self.assertEqual(records.count("thing", [("name", "empty")]), 1)
        records.delete("thing", made)
        with self.assertRaisesRegex(Fault, "there is no such record"):
            records.delete("thing", made)

    def test_a_fake_host_answers_and_keeps_lines(self) -> None:
        http = self.cx.http
        with self.assertRaisesRegex(Fault, "the test has no response"):
            http.get("https://a.example")
        self.fakes.respond(Response(204, [("X-Left", "3")]))
        self.assertEqual(http.get("https://a.example", credential="key").header("x-left"), "3")
        self.assertEqual(self.fakes.sent[1].credential, "key")
        self.cx.log.warn("slow")
        self.assertEqual(self.fakes.lines, [("warn", "slow")])
        self.fakes.leave("cpu-ms", 4)
        self.assertEqual((self.cx.left("cpu-ms"), self.cx.left("rows-read")), (4, None))

    def test_the_store_of_a_plugin_changes_only_from_what_was_expected(self) -> None:
        storage = self.cx.storage
        self.assertTrue(storage.swap("k", None, "1"))
        self.assertFalse(storage.swap("k", None, "2"))
        self.assertTrue(storage.swap("k", "1", None))
        storage.set("l", "x")
        self.assertEqual(storage.keys("", "k", 10), ["l"])
        self.assertIsNone(storage.get("k"))

    def test_what_the_manifest_does_not_ask_for_is_not_there(self) -> None:
        cx = Context(call(), Fakes([]))
        for question in (
            lambda: cx.records.count("thing"),
            lambda: cx.records.create("thing", {}),
            lambda: cx.http.get("https://a.example"),
            lambda: cx.storage.get("k"),
        ):
            with self.assertRaisesRegex(PermissionError, "does not ask for the permission"):
                question()
