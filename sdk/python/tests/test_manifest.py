"""Plugin and manifest belong together: what does not fit is an error when the plugin is built or tested."""

import json
import tempfile
import unittest
from pathlib import Path

from mortise_sdk.tool.build import check
from mortise_sdk.tool.manifest import PluginError, interfaces_of

MANIFEST = {
    "id": "test.plugin",
    "version": "1.0.0",
    "language": "python",
    "exports": [
        {
            "point": "validator",
            "name": "vat-number",
            "entity": "company",
            "input": ["vat_number", "country.code", "class"],
        },
        {
            "point": "function",
            "name": "double",
            "parameters": [{"name": "number", "type": "integer"}],
            "returns": "integer",
        },
    ],
    "permissions": {"records.read": [{"entity": "company", "fields": ["name"]}], "http": []},
}
GOOD = """
from mortise_sdk import Violation
from plugin_gen import Company, plugin

@plugin.validator("vat-number")
def vat_number(cx, change):
    assert Company.COUNTRY_CODE == "country.code" and Company.class_ and Company._entity == "company"
    return [Violation(Company.VAT_NUMBER, "vat_missing", "")] if change.record.vat_number.is_empty else []

@plugin.function("double")
def double(number):
    return number * 2
"""


class Manifests(unittest.TestCase):
    def said(self, text: str = GOOD, **changed: object) -> str | None:
        """What the kit says of a plugin; None when it is content."""
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            (place / "plugin.json").write_text(json.dumps({**MANIFEST, **changed}), "utf-8")
            (place / "plugin.py").write_text(text, "utf-8")
            try:
                check(place)
            except PluginError as error:
                return str(error)
            return None

    def test_a_plugin_that_keeps_to_its_manifest_is_good(self) -> None:
        self.assertIsNone(self.said())

    def test_a_name_in_the_manifest_without_a_function_is_an_error(self) -> None:
        said = self.said(GOOD.replace('@plugin.function("double")', ""))
        self.assertIn("plugin.json names the function `double`, and no function has it", said or "")

    def test_a_function_without_a_name_in_the_manifest_is_an_error_that_names_what_there_is(self) -> None:
        said = self.said(GOOD.replace('"double"', '"triple"'))
        self.assertIn("plugin.json has no function named `triple`; it has `double`", said or "")

    def test_a_function_with_other_arguments_than_the_manifest_is_an_error(self) -> None:
        said = self.said(GOOD.replace("def double(number)", "def double(number, other)"))
        self.assertIn("the function `double` has to take 1 arguments", said or "")

    def test_a_field_that_was_not_asked_for_has_no_property(self) -> None:
        said = self.said(GOOD + "\nCompany.TURNOVER\n")
        self.assertIn("TURNOVER", said or "")

    def test_a_manifest_that_is_none_says_what_it_wants(self) -> None:
        self.assertIn('`language` has to be "python"', self.said(language="rust") or "")
        self.assertIn("no point valdator", self.said(exports=[{"point": "valdator", "name": "a"}]) or "")
        self.assertIn("names no `entity`", self.said(exports=[{"point": "scorer", "name": "heat"}]) or "")

    def test_the_world_of_a_plugin_is_what_its_manifest_names(self) -> None:
        imports, exports = interfaces_of(MANIFEST)
        self.assertEqual(
            imports, ["mortise:log/log@1.0.0", "mortise:budget/budget@1.0.0", "mortise:records/read@1.0.0"]
        )
        self.assertEqual(exports, ["mortise:validation/validator@1.0.0", "mortise:expression/functions@1.0.0"])
